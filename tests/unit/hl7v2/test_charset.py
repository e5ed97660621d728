"""Bytes to text."""

import pytest

from adapters.hl7v2.charset import codec_name, decode, without_utf16
from adapters.hl7v2.errors import UndecodableText


@pytest.mark.parametrize(
    ("declared", "codec"),
    [
        ("8859/1", "iso8859-1"),
        ("8859/15", "iso8859-15"),
        ("ISO-8859-2", "iso8859-2"),
        ("UNICODE UTF-8", "utf-8"),
        ("utf8", "utf-8"),
        ("WINDOWS-1252", "cp1252"),
        ("GB 18030-2000", "gb18030"),
        ("KS X 1001", "euc_kr"),
        ("ISO_IR 100", "iso8859-1"),
        ("8859/99", None),
        ("KLINGON", None),
    ],
)
def test_names_of_sets(declared: str, codec: str | None) -> None:
    assert codec_name(declared) == codec


def test_nothing_declared_is_ascii_then_utf8_then_the_sites_set() -> None:
    assert decode(b"plain", (), fallback_charset="cp1252").character_set.codec == "ascii"
    assert decode("Ångström".encode(), ("",), fallback_charset="cp1252").text == "Ångström"
    read = decode("Ångström".encode("cp1252"), (), fallback_charset="cp1252")
    assert (read.text, read.warning) == ("Ångström", "")


@pytest.mark.parametrize(
    ("declared", "data", "text", "warning"),
    [
        ("UNICODE UTF-8", "Müller".encode("latin-1"), "Müller", "charset_mismatch"),
        ("ASCII", "Müller".encode(), "Müller", "charset_mismatch"),
        ("KLINGON", "Müller".encode(), "Müller", "charset_unknown"),
        ("8859/1", b"O\x92Dell", "O’Dell", ""),
    ],
)
def test_what_the_declared_set_cannot_read(declared: str, data: bytes, text: str, warning: str) -> None:
    read = decode(data, (declared,), fallback_charset="cp1252")
    assert (read.text, read.warning) == (text, warning)


def test_letters_are_never_guessed() -> None:
    with pytest.raises(UndecodableText):
        decode(b"M\x81LLER", ("UNICODE UTF-8",), fallback_charset="cp1252")


@pytest.mark.parametrize(
    ("declared", "data", "text"),
    [
        (("", "ISO IR87"), "亨党|京凡".encode("iso2022_jp"), "亨党|京凡"),
        (("ISO IR87",), "亨党".encode("iso2022_jp"), "亨党"),
        (("ASCII", "ISO IR87", "ISO IR159"), b"\x1b$(D\x30\x21\x1b(B|A", "丂|A"),
        (("ISO IR14", "ISO IR87"), b"\xd4\xcf\xc0\xde^\x1b$B;3ED\x1b(J", "ﾔﾏﾀﾞ^山田"),
        (("8859/1", "8859/5"), b"M\xfcller^\x1b-L\xb8\xd2\xd0\xdd\rM\xfcller", "Müller^Иван\rMüller"),
        (("", "KS X 1001"), b"Hong^\x1b$)C\xfb\xf3\xd1\xce", "Hong^洪吉"),
        (("8859/1", "ISO IR87"), b"M\xfcller \x1b$B;3\x1b(B \xfc", "Müller 山 ü"),
    ],
)
def test_extensions_by_escape_sequence(declared: tuple[str, ...], data: bytes, text: str) -> None:
    read = decode(data, declared, fallback_charset="cp1252")
    assert (read.text, read.warning) == (text, "")


def test_an_escape_sequence_that_nobody_knows_is_a_mismatch() -> None:
    with pytest.raises(UndecodableText):
        decode(b"\x1b%Gx\x81", ("8859/5", "8859/1"), fallback_charset="cp1252")


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16_becomes_utf8(codec: str) -> None:
    assert without_utf16("MSH|Ł".encode(codec)).decode() == "MSH|Ł"


def test_half_a_utf16_letter_is_refused() -> None:
    with pytest.raises(UndecodableText):
        without_utf16("MSH|".encode("utf-16") + b"x")
