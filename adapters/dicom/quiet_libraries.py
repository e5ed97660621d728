"""Keeps the protocol libraries from writing identifiers into logs.

pynetdicom logs queries, answers and peer addresses; pydicom logs values.
"""

from __future__ import annotations

import logging
import warnings

from pynetdicom import _config

_NEVER = logging.CRITICAL + 1


def silence_pynetdicom() -> None:
    """Turn pynetdicom's logging off for the whole process, for good: its texts cannot be made safe."""
    _config.LOG_REQUEST_IDENTIFIERS = False
    _config.LOG_RESPONSE_IDENTIFIERS = False
    _config.LOG_HANDLER_LEVEL = "none"
    silence_pydicom()
    logging.getLogger("pynetdicom").setLevel(_NEVER)


def silence_pydicom() -> None:
    """Turn pydicom's logging and warnings off for the whole process: its lines about odd data sets hold values."""
    warnings.filterwarnings("ignore", category=UserWarning, module=r"pydicom\.")
    logging.getLogger("pydicom").setLevel(_NEVER)
