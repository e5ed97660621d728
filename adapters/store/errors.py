"""Errors of the store.

    StoreError
    ├── UnreadableValue     a stored value that the code cannot read; the text names the field, never the value
    ├── UnusableUrl         a database URL that cannot be used; the text names the reason, never the URL
    └── UnitNotOpen         a unit of work used before it was entered, or after it was committed or left

What the database itself refuses stays SQLAlchemy's error (parameters hidden).
"""


class StoreError(Exception):
    """Root of the errors raised by ``adapters.store``."""


class UnreadableValue(StoreError):
    """A stored value cannot be read. ``path`` names the field."""

    def __init__(self, path: str) -> None:
        super().__init__(f"stored value cannot be read: {path}")
        self.path = path


class UnusableUrl(StoreError):
    """The database URL names something this store does not run on."""


class UnitNotOpen(StoreError):
    """The unit of work has no open transaction."""
