"""What the headers of a DICOMweb answer say. Source: DICOM PS3.18 8.3.4.4 (paging)."""

from __future__ import annotations

import re

import httpx2

_SAYS_THERE_IS_MORE = re.compile(r"^\s*299\b.*(additional|remaining|more results|truncat)", re.IGNORECASE | re.DOTALL)


def says_there_is_more(headers: httpx2.Headers) -> bool:
    """Whether a Warning header announces rows that were not sent. Source: PS3.18 8.3.4.4."""
    return any(_SAYS_THERE_IS_MORE.search(warning) for warning in headers.get_list("warning"))
