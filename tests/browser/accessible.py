"""What every page must pass: axe in both themes, and no scrolling sideways."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

WIDTHS = (640, 360)
"""200 % zoom of 1280, and a phone in portrait."""


def assert_accessible(page: Page, state: str) -> None:
    """The page as it is now; ``state`` names it in the failure. Its size is given back."""
    before = page.viewport_size
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme="light" if theme == "light" else "dark")
        found = Axe().run(page)
        assert found.violations_count == 0, f"{state}, {theme}: {found.generate_report()}"
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 780})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{state} scrolls sideways at {width}"
    if before is not None:
        page.set_viewport_size(before)
