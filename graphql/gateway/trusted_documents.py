"""Documents that a hub knows beforehand, by the SHA-256 of their text: the published ones and a site's own.

A request may name one instead of sending it, and with ``http.only_trusted_documents`` no other is carried out.
Source: GraphQL over HTTP (documentId), Apollo's persisted queries (extensions.persistedQuery).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gateway.errors import ConfigurationError, InputRefused
from gateway.operations_files import operation_texts

_PREFIX = "sha256:"


class UnknownDocument(InputRefused):
    """A hash that names no trusted document."""


class TrustedDocuments:
    """The documents by their hash."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._by_hash: Mapping[str, str] = {document_hash(text): text for text in texts}

    def __contains__(self, text: object) -> bool:
        return isinstance(text, str) and document_hash(text) in self._by_hash

    def text_of(self, body: Mapping[str, Any]) -> str | None:
        """The document that a request names; ``None`` when it names none.

        Raises:
            UnknownDocument: no trusted document has this hash.
        """
        wanted = _named(body)
        if wanted is None:
            return None
        try:
            return self._by_hash[wanted.removeprefix(_PREFIX)]
        except KeyError:
            raise UnknownDocument("no trusted document has this hash") from None


def load_trusted_documents(folder: Path | None) -> TrustedDocuments:
    """The published operations and those of a folder of ``.graphql`` files.

    Raises:
        ConfigurationError: the folder or a file in it cannot be read.
    """
    own: list[str] = []
    if folder is not None:
        try:
            own = [path.read_text(encoding="utf-8") for path in sorted(folder.iterdir()) if path.suffix == ".graphql"]
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError("http.trusted_documents_folder: cannot be read") from error
    return TrustedDocuments([*operation_texts(), *own])


def document_hash(text: str) -> str:
    """SHA-256 of the text in UTF-8, as lower-case hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _named(body: Mapping[str, Any]) -> str | None:
    if isinstance(given := body.get("documentId"), str):
        return given
    extensions = body.get("extensions")
    persisted = extensions.get("persistedQuery") if isinstance(extensions, dict) else None
    given = persisted.get("sha256Hash") if isinstance(persisted, dict) else None
    return given if isinstance(given, str) else None
