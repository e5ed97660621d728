"""MLLP frames in bytes however they are cut, and batch files."""

import pytest

from adapters.hl7v2.batch import import_file, split_batch
from adapters.hl7v2.framing import KEPT_OF_OVERSIZED_BYTES, Frame, FrameReader, framed

STREAM = (
    b"noise\x1c\r"
    + framed(b"one")
    + b"\r\n\r\n"
    + framed(b"tw\x1co")
    + framed(b"")
    + b"\x0bhalf\x0bthree\x1c\rtail\x0b"
)
MESSAGES = [b"one", b"tw\x1co", b"", b"three"]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 1000])
def test_any_cut_gives_the_same_messages(size: int) -> None:
    reader = FrameReader(max_frame_bytes=100)
    frames = [f for i in range(0, len(STREAM), size) for f in reader.feed(STREAM[i : i + size])]
    assert frames == [Frame(m) for m in MESSAGES]


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_an_oversized_frame_is_told_and_the_next_one_is_read(size: int) -> None:
    reader = FrameReader(max_frame_bytes=10_000)
    stream = framed(b"MSH|" + b"x" * 20_000) + framed(b"next")
    frames = [f for i in range(0, len(stream), size) for f in reader.feed(stream[i : i + size])]
    assert [f.is_oversized for f in frames] == [True, False]
    assert frames[0].content.startswith(b"MSH|x")
    assert len(frames[0].content) <= KEPT_OF_OVERSIZED_BYTES + 1
    assert frames[1].content == b"next"


def test_a_frame_of_the_largest_size_is_taken() -> None:
    reader = FrameReader(max_frame_bytes=10_000)
    assert reader.feed(framed(b"x" * 10_000)) == [Frame(b"x" * 10_000)]


MSH = b"MSH|^~\\&|A|B|||2026||ADT^A04|"


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_messages_of_a_file(end: bytes) -> None:
    lines = [b"FHS|^~\\&|A", b"BHS|^~\\&|A", MSH + b"1", b"PID|1", b"", MSH + b"2", b"NTE|MSH|BTS", b"BTS|2", b"FTS|1"]
    batch = split_batch(end.join(lines))
    assert [m.split(b"|")[9][:1] for m in batch.messages] == [b"1", b"2"]
    assert batch.messages[1].rstrip() == MSH + b"2" + end + b"NTE|MSH|BTS"
    assert batch.warnings == ()


@pytest.mark.parametrize(
    ("data", "messages", "warnings"),
    [
        (b"", 0, ["no message in the file"]),
        (b"hello", 0, ["no message in the file"]),
        (MSH + b"1\rPID|1", 1, []),
        (framed(MSH + b"1\r") + framed(MSH + b"2\r"), 2, []),
        (b"hello\r" + MSH + b"1", 1, ["text before the first segment was skipped"]),
        (MSH + b"1\rBTS|\rFTS|", 1, []),
        (MSH + b"1\rBTS|many", 1, ["BTS-1 does not tell the number found: 1"]),
        (b"BHS|^~\\&\r" + MSH + b"1\rBTS|1\rBHS|^~\\&\r" + MSH + b"2\rBTS|1\rFTS|2", 2, []),
    ],
)
def test_odd_files(data: bytes, messages: int, warnings: list[str]) -> None:
    batch = split_batch(data)
    assert (len(batch.messages), list(batch.warnings)) == (messages, warnings)


def test_each_message_has_its_own_answer() -> None:
    result = import_file(MSH + b"1\r" + MSH + b"2\r", lambda m: m.strip()[-1:])
    assert result.acknowledgements == (b"1", b"2")
