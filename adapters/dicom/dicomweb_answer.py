"""What an answer says about rows that are not in it. Source: DICOM PS3.18 8.3.4.4 (paging)."""

from __future__ import annotations

import re

from adapters.connection.http_archive import HttpAnswer

_PARTIAL_CONTENT = 206
_SAYS_THERE_IS_MORE = re.compile(r"^\s*299\b.*(additional|remaining|more results|truncat)", re.IGNORECASE | re.DOTALL)


def says_there_is_more(answer: HttpAnswer) -> bool:
    """Whether rows were not sent: a Warning header announces them, or the status does, as in older editions."""
    warnings = answer.headers.get_list("warning")
    return answer.status == _PARTIAL_CONTENT or any(_SAYS_THERE_IS_MORE.search(warning) for warning in warnings)
