"""Whatever arrives, the door answers or ignores it, and never raises."""

from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from adapters.hl7v2.batch import import_file
from adapters.hl7v2.escapes import STANDARD, escape_text, unescape
from adapters.hl7v2.framing import FrameReader, framed
from tests.hl7_door import Ack, Door, memory_store

A_MERGE = (
    b"MSH|^~\\&|ADT|NGH|MPI|FED|20260301101500+0100||ADT^A40^ADT_A39|S-1|P|2.5||||||8859/1~ISO IR87\r"
    b"EVN||20260301101500\r"
    b'PID|1|9|S1^^^NGH&2.999.1&ISO~9^^^NATID||HOLM^EDA^""^JR^DR^^L~B\\X41\\K^A\\T\\B|M^N|198403|F|||1 Way&Way^^Ryd'
    b"^^00417||(555)010-4477^PRN^PH~^^^^1^555^0104477|||||||900-12-3456\r"
    b"MRG|S2^^^NGH~S3\r"
)
PIECES = [
    b"|",
    b"^",
    b"~",
    b"\\",
    b"&",
    b"\r",
    b"\n",
    b'""',
    b"\0",
    b"\xff",
    b"\x1b$B",
    b"\x1b",
    b"\\X",
    b"MSH|",
    b"PID|",
]


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """The merge above with a few bytes cut out, doubled, or put in."""
    data = bytearray(A_MERGE)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, 12))
        data[at : at + length] = draw(
            st.sampled_from([*PIECES, bytes(data[at : at + length]) * 2]) | st.binary(max_size=4)
        )
    return bytes(data)


def answer(data: bytes) -> Ack:
    return Ack.parse(Door(memory_store().units).dispatcher.handle(data))


@given(st.binary(max_size=300))
def test_random_bytes_are_answered(data: bytes) -> None:
    assert answer(data).code in ("AE", "AR")


@given(mutations())
def test_damaged_messages_are_answered(data: bytes) -> None:
    ack = answer(data)
    assert ack.code in ("AA", "AE", "AR")
    assert bool(ack.error) == (ack.code != "AA")
    assert ack.get("ERR-3.1") != "207"


@given(st.text(), st.text(), st.text(alphabet='0123456789^~&\\+-.X"', max_size=20))
def test_any_text_in_a_field_is_answered(name: str, street: str, other: str) -> None:
    pid = f"PID|||1^^^NGH||A{name}||{other}|F|||{street}||{other}|{other}"
    header = rf"MSH|^~\&|ADT|NGH|MPI|FED|{other}||ADT^A04|S-1|P|2.5||||||UNICODE UTF-8"
    ack = answer(f"{header}\rEVN||{other}\r{pid}\r".encode("utf-8", "ignore"))
    assert ack.code in ("AA", "AE")
    assert ack.get("ERR-3.1") != "207"


@given(st.binary(max_size=200), st.lists(st.binary(max_size=40), max_size=4), st.lists(st.integers(1, 30)))
def test_frames_survive_any_noise_and_any_cut(noise: bytes, contents: list[bytes], sizes: list[int]) -> None:
    clean = [c.replace(b"\x0b", b"").replace(b"\x1c\r", b"").rstrip(b"\x1c") for c in contents]
    stream = noise.replace(b"\x0b", b"") + b"".join(framed(c) for c in clean)
    reader = FrameReader(max_frame_bytes=1000)
    found, position = [], 0
    for size in [*sizes, len(stream)]:
        found += [f.content for f in reader.feed(stream[position : position + size])]
        position += size
    assert found == clean


@given(st.binary(max_size=200) | mutations())
def test_any_file_is_imported_or_found_empty(data: bytes) -> None:
    result = import_file(data, lambda message: message[:3])
    assert all(header == b"MSH" for header in result.acknowledgements)
    assert result.acknowledgements or result.warnings


@given(st.text(alphabet=string.ascii_letters + "|^~\\&\r\n"))
def test_escaping_is_undone(text: str) -> None:
    assert unescape(escape_text(text), STANDARD, bytes.decode) == text
