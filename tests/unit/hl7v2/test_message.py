"""Splitting: separators, segment ends, escapes, nulls."""

import pytest

from adapters.hl7v2.errors import NotHl7
from adapters.hl7v2.escapes import STANDARD, Separators, escape_text, unescape
from adapters.hl7v2.message import Message, parse_message, trimmed

HEADER = r"MSH|^~\&|A|B|||2026||ADT^A04|1|P|2.5"


def parse(text: str) -> Message:
    return parse_message(trimmed(text.encode()), fallback_charset="cp1252")


def names(text: str) -> list[str]:
    return [s.name for s in parse(text).segments]


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\r", "\r \r", "\r\n\r\n"])
def test_segment_ends(end: str) -> None:
    assert names(f"{HEADER}{end}PID|1{end}ZZZ|x") == ["MSH", "PID", "ZZZ"]


def test_line_feed_beside_carriage_returns_is_text() -> None:
    pid = parse(f"{HEADER}\rPID|||1||A\nB^C").first("PID")
    assert pid is not None
    assert pid.text(5) == "A\nB"


def test_what_stands_around_a_message_goes() -> None:
    assert names(f"\ufeff \r\n\x0b {HEADER}\rPID|1\r\x1c\r") == ["MSH", "PID"]


@pytest.mark.parametrize("text", ["", "MSH", "MSH|", "PID|1", "hello", "MSHA^~", "\r\r"])
def test_not_a_message(text: str) -> None:
    with pytest.raises(NotHl7):
        parse(text)


def test_fields_by_position() -> None:
    message = parse(f"{HEADER}\rPID|||1^^^NGH&2.9&ISO~~2||A^B&C")
    pid = message.first("PID")
    assert pid is not None
    assert [r.component(1) for r in pid.repetitions(3)] == ["1", "2"]
    assert (pid.first(3).subcomponent(4, 2), pid.first(3).component(4)) == ("2.9", "NGH&2.9&ISO")
    assert (pid.first(5).component(2), pid.first(5).component(9), pid.text(40)) == ("B&C", "", "")
    assert (message.header.raw(1), message.header.raw(2), message.header.text(12)) == ("|", r"^~\&", "2.5")


def test_null_is_a_whole_field() -> None:
    pid = parse(f'{HEADER}\rPID|||""||""^B|""').first("PID")
    assert pid is not None
    assert [pid.first(n).is_null for n in (3, 5, 6, 7)] == [True, False, True, False]


def test_separators_are_the_messages_own() -> None:
    message = parse("MSH#*!?$#A#B###2026##ADT*A04#1#P#2.5\rPID###1!2##A$B*C?S?D")
    pid = message.first("PID")
    assert pid is not None
    assert [r.component(1) for r in pid.repetitions(3)] == ["1", "2"]
    assert (pid.first(5).subcomponent(1, 2), pid.first(5).component(2)) == ("B", "C*D")


def test_separators_that_are_left_out_are_not_used() -> None:
    assert Separators.of_header("MSH|^~|A") == Separators("|", "^", "~", "", "")
    assert Separators.of_header("MSH||A") == STANDARD


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        (r"A\T\B\S\C\R\D\F\E\E\F", r"A&B^C~D|E\F"),
        (r"Suite 4\5 Cedar Road", r"Suite 4\5 Cedar Road"),
        (r"C:\new\T\road", r"C:\new&road"),
        (r"end\ ", r"end\ "),
        (r"\\", r"\\"),
        (r"\E\T\E\ ", r"\T\ "),
        (r"\H\bold\N\ ", "bold "),
        (r"one\.br\two", "one\ntwo"),
        (r"\Zlocal\ \X4\ \Q\ ", r"\Zlocal\ \X4\ \Q\ "),
        (r"\XC3A9\ \XC3\\XA9\ \X4142\ ", "é é AB "),
        (r"\XFF\ ", r"\XFF\ "),
    ],
)
def test_escapes(sent: str, meant: str) -> None:
    assert unescape(sent, STANDARD, bytes.decode) == meant


def test_escape_and_back() -> None:
    text = "a|b^c~d\\e&f\rg\nh"
    assert unescape(escape_text(text), STANDARD, bytes.decode) == text
    assert "|" not in escape_text(text)
