"""ISO 2022: one text that switches character sets on the way by escape sequences.

Bytes below 0x80 are read in the set designated to G0, bytes above in the one designated to G1. Both return to what
the message started with at the end of a segment. Source: ISO/IEC 2022; HL7 v2.5 table 0211 names the sets.
"""

from __future__ import annotations

import re

_ESCAPE = re.compile(rb"\x1b(?:\$\([ACD]|\$\)[AC]|\$[@AB]|[(][BIJ]|[)-][A-Z])")
_LINE_END = re.compile(rb"[\r\n]")
_G0 = {
    b"\x1b(B": "ascii",
    b"\x1b(J": "ascii",  # JIS X 0201 Roman: the yen sign stands where the backslash is
    b"\x1b(I": "katakana",
    b"\x1b$@": "iso2022_jp_1",
    b"\x1b$B": "iso2022_jp_1",
    b"\x1b$(D": "iso2022_jp_1",
    b"\x1b$A": "gb2312",
    b"\x1b$(A": "gb2312",
    b"\x1b$(C": "euc_kr",
}
_G1 = {
    b"\x1b)I": "shift_jis",
    b"\x1b$)A": "gb2312",
    b"\x1b$)C": "euc_kr",
    b"\x1b-A": "iso8859-1",
    b"\x1b-B": "iso8859-2",
    b"\x1b-C": "iso8859-3",
    b"\x1b-D": "iso8859-4",
    b"\x1b-F": "iso8859-7",
    b"\x1b-G": "iso8859-6",
    b"\x1b-H": "iso8859-8",
    b"\x1b-L": "iso8859-5",
    b"\x1b-M": "iso8859-9",
    b"\x1b-T": "tis-620",
}


def decode_iso2022(data: bytes, initial_codec: str) -> str:
    """Read text that starts in ``initial_codec``.

    Raises:
        UnicodeDecodeError: an escape sequence or a byte that fits none of the sets.
    """
    start = "ascii" if initial_codec.startswith("iso2022") else initial_codec
    texts: list[str] = []
    for line in re.split(rb"(?<=[\r\n])", data):
        g0, g1, position = b"\x1b(B", start, 0
        for escape in _ESCAPE.finditer(line):
            texts.append(_decode_run(line[position : escape.start()], g0, g1))
            if escape.group() in _G0:
                g0 = escape.group()
            else:
                g1 = _G1.get(escape.group(), "ascii")
            position = escape.end()
        texts.append(_decode_run(line[position:], g0, g1))
    return "".join(texts)


def _decode_run(run: bytes, g0: bytes, g1: str) -> str:
    if b"\x1b" in run:
        raise UnicodeDecodeError("iso2022", run, run.index(b"\x1b"), run.index(b"\x1b") + 1, "unknown escape sequence")
    set_of_g0 = _G0[g0]
    if set_of_g0 == "ascii":
        return run.decode(g1)  # every set that G1 may name reads ASCII in its lower half
    line_end = _LINE_END.search(run)
    body, tail = (run[: line_end.start()], run[line_end.start() :]) if line_end else (run, b"")
    if set_of_g0 == "iso2022_jp_1":
        return (g0 + body).decode("iso2022_jp_1") + tail.decode("ascii")
    raised = bytes(byte | 0x80 if byte > 0x20 else byte for byte in body)
    return raised.decode("shift_jis" if set_of_g0 == "katakana" else set_of_g0) + tail.decode("ascii")
