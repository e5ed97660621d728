"""MLLP frames: <VT> message <FS><CR>, found in bytes however they were cut into writes. No I/O here.

Bytes outside a frame are ignored; a start byte inside a frame drops the unfinished one and begins the next.
Source: HL7 MLLP release 1 (transport specification).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

START = b"\x0b"
END = b"\x1c\r"
KEPT_OF_OVERSIZED_BYTES = 4096

_MARK = re.compile(rb"\x0b|\x1c\r")


@dataclass(frozen=True, slots=True)
class Frame:
    """One message without its frame. ``is_oversized``: ``content`` is only its beginning, the rest was dropped."""

    content: bytes
    is_oversized: bool = False


def framed(message: bytes) -> bytes:
    return START + message + END


class FrameReader:
    """Collects the bytes of one connection. Holds at most one unfinished frame of ``max_frame_bytes``."""

    def __init__(self, *, max_frame_bytes: int) -> None:
        self._max_frame_bytes = max_frame_bytes
        self._content = bytearray()
        self._is_inside = False
        self._is_oversized = False

    @property
    def is_inside_frame(self) -> bool:
        return self._is_inside

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that these bytes complete."""
        frames: list[Frame] = []
        if self._is_inside and self._content.endswith(END[:1]):
            # The end mark may have been cut in two: look at its first half again.
            del self._content[-1]
            data = END[:1] + data
        position = 0
        for mark in _MARK.finditer(data):
            self._append(data[position : mark.start()])
            if mark.group() == START:
                self._begin()
            elif self._is_inside:
                frames.append(Frame(bytes(self._content), self._is_oversized))
                self._is_inside = False
            position = mark.end()
        self._append(data[position:])
        return frames

    def _begin(self) -> None:
        self._content.clear()
        self._is_inside, self._is_oversized = True, False

    def _append(self, data: bytes) -> None:
        if not self._is_inside:
            return
        self._content += data
        if self._is_oversized or len(self._content) > self._max_frame_bytes:
            self._is_oversized = True
            # The last byte is kept too: it may be the first half of the end mark.
            self._content[KEPT_OF_OVERSIZED_BYTES:-1] = b""
