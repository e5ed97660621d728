"""Neighbours of the recorded HL7 cases: the same kinds of trouble in other shapes, through a listener over TCP."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from adapters.hl7v2.batch import import_file
from adapters.hl7v2.framing import framed
from tests.golden.hl7_judge import judge
from tests.hl7_door import Ack, Door, converse, memory_store

Message = bytes | str


def adt(
    event: str, control: str, pid: str, *rest: str, site: str = "NGH", at: str = "20260310115900", msh: str = "P|2.5",
    evn: str | None = None,
) -> str:  # fmt: skip
    """A message; ``pid`` is PID-3 and what follows, ``rest`` are further segments."""
    head = f"MSH|^~\\&|REG|{site}|HUB|HUB|{at}||ADT^{event}|{control}|{msh}"
    return "\r".join([head, f"EVN|{event}|{at if evn is None else evn}", f"PID|1||{pid}", *rest]) + "\r"


@dataclass(frozen=True)
class Variation:
    """Messages in order, acceptable codes for each, and what is stored at the end. ``stream``: exact bytes instead."""

    messages: Sequence[Message]
    codes: Sequence[str]
    state: dict[str, Any] = field(default_factory=dict)
    stream: bytes = b""
    chunks: Sequence[int] = ()


EVA = "LIND^Eva||19840312|F"
LIND = {"family": "LIND", "given": "Eva", "birth_date": "1984-03-12", "sex": "F"}
BAD = "MSH|^~\\&|REG|NGH|HUB|HUB|20260310||ADT^A04||P|2.5\rPID|1||66^^^NGH^MR||BAD^No\r"


def known(number: str, **more: Any) -> dict[str, Any]:
    return {"id": number, **LIND, **more}


VARIATIONS = {
    "separators: a dollar for the bar, percent for the caret": Variation(
        [adt("A04", "1", f"7^^^NGH^MR||{EVA}").replace("|", "$").replace("^~", "%~").replace("^", "%")],
        ["AA"], {"identities": [known("NGH|7")]},
    ),
    "separators: a truncation character in MSH-2": Variation(
        [adt("A04", "1", f"7^^^NGH^MR||{EVA}", msh="P|2.7").replace("^~\\&", "^~\\&#", 1)],
        ["AA"], {"identities": [known("NGH|7")]},
    ),
    "separators: no subcomponent separator at all": Variation(
        [adt("A04", "1", f"7^^^NGH^MR||{EVA}").replace("^~\\&", "^~\\", 1)],
        ["AA"], {"identities": [known("NGH|7")]},
    ),
    "charset: a byte order mark before UTF-8": Variation(
        [b"\xef\xbb\xbf" + adt("A04", "1", "7^^^NGH^MR||ŁĄCZ^Ewa||1984|F", msh="P|2.5||||||UNICODE UTF-8").encode()],
        ["AA"], {"identities": [{"id": "NGH|7", "family": "ŁĄCZ", "birth_date": "1984"}]},
    ),
    "charset: 8859/15": Variation(
        [adt("A04", "1", "7^^^NGH^MR||ŒUVRÉ^Zoé||1984|F", msh="P|2.5||||||8859/15").encode("iso8859-15")],
        ["AA"], {"identities": [{"id": "NGH|7", "family": "ŒUVRÉ"}]},
    ),
    "charset: 8859/5": Variation(
        [adt("A04", "1", "7^^^NGH^MR||ИВАНОВ^Иван||1984|M", msh="P|2.5||||||8859/5").encode("iso8859-5")],
        ["AA"], {"identities": [{"id": "NGH|7", "family": "ИВАНОВ", "given": "Иван"}]},
    ),
    "charset: repetitions of MSH-18 that stay in ASCII": Variation(
        [adt("A04", "1", f"7^^^NGH^MR||{EVA}", msh="P|2.5||||||ASCII~ISO IR87")],
        ["AA"], {"identities": [known("NGH|7")]},
    ),
    "charset: a name nobody defined": Variation(
        [adt("A04", "1", "7^^^NGH^MR||MÜNCH^Eva||1984|F", msh="P|2.5||||||LATIN-SOMETHING").encode()],
        ["AA", "AE"], {},
    ),
    "escapes: line breaks and highlighting are no text": Variation(
        [adt("A04", "1", "7^^^NGH^MR||LI\\H\\ND\\N\\^Eva||1984|F|||12 Mill\\.br\\Road^^Harlow")],
        ["AA"], {"identities": [{"id": "NGH|7", "family": "LIND"}]},
    ),
    "escapes: separators as bytes stay data": Variation(
        [adt("A04", "1", "7^^^NGH^MR||A\\X7C\\B\\X5E\\C^Eva||1984|F")],
        ["AA"], {"identities": [{"id": "NGH|7", "family": "A|B^C", "given": "Eva"}]},
    ),
    "escapes: an odd number of hex digits stays text": Variation(
        [adt("A04", "1", "7^^^NGH^MR||LIND^Eva||1984|F|||1\\X4\\ Road^^Harlow")],
        ["AA"], {"identities": [{"id": "NGH|7", "street": "1\\X4\\ Road"}]},
    ),
    "null: birth date and sex deleted, an empty address left alone": Variation(
        [
            adt("A04", "1", f"7^^^NGH^MR||{EVA}|||9 Elm St^^Harlow"),
            adt("A08", "2", '7^^^NGH^MR||LIND^Eva||""|""|||'),
        ],
        ["AA", "AA"],
        {"identities": [{"id": "NGH|7", "family": "LIND", "birth_date": None, "sex": None, "street": "9 Elm St"}]},
    ),
    "null: one component of the address deleted, the others left alone": Variation(
        [
            adt("A04", "1", f"7^^^NGH^MR||{EVA}|||9 Elm St^^Harlow^^00112"),
            adt("A08", "2", '7^^^NGH^MR||LIND^Eva||||||""^^^^00113'),
        ],
        ["AA", "AA"],
        {"identities": [{"id": "NGH|7", "street": None, "city": "Harlow", "postal_code": "00113"}]},
    ),
    "null: an id that is the null beside a good one": Variation(
        [adt("A04", "1", f'""^^^NGH^MR~7^^^NGH^MR||{EVA}')],
        ["AA"], {"identities": [known("NGH|7")], "identity_count": 1},
    ),
    "empty: an update without a name leaves the name alone": Variation(
        [adt("A04", "1", f"7^^^NGH^MR||{EVA}"), adt("A31", "2", "7^^^NGH^MR||||||||9 Elm St^^Harlow")],
        ["AA", "AA"], {"identities": [known("NGH|7", street="9 Elm St")]},
    ),
    "empty: an update of an unknown id without a name makes nobody": Variation(
        [adt("A31", "1", "7^^^NGH^MR||||||||9 Elm St^^Harlow")],
        ["AE"], {"identity_count": 0, "absent": ["NGH|7"], "err": "PID^1^5 / 101"},
    ),
    "precision: year, month, a time of day and an offset": Variation(
        [
            adt("A04", "1", "1^^^NGH^MR||LIND^Eva||1984|F"),
            adt("A04", "2", "2^^^NGH^MR||HOLM^Ida||198403|F"),
            adt("A04", "3", "3^^^NGH^MR||DAHL^Uno||19840312233000+1100|M"),
            adt("A04", "4", "4^^^NGH^MR||RASK^Ulf||1984031200|M"),
        ],
        ["AA"] * 4,
        {"identities": [{"id": "NGH|1", "birth_date": "1984"}, {"id": "NGH|2", "birth_date": "1984-03"},
                        {"id": "NGH|3", "birth_date": "1984-03-12"}, {"id": "NGH|4", "birth_date": "1984-03-12"}]},
    ),
    "repetitions: the same id twice, and one with a check digit": Variation(
        [adt("A04", "1", f"0042^3^M10^NGH^MR~0042^^^NGH^MR~9^^^VISITS^AN||{EVA}")],
        ["AA"], {"identities": [known("NGH|0042")], "identity_count": 1},
    ),
    "repetitions: blanks around an id go, zeros and case stay": Variation(
        [adt("A04", "1", f" 00aB7 ^^^NGH^MR||{EVA}")],
        ["AA"], {"identities": [known("NGH|00aB7")], "absent": ["NGH|00AB7", "NGH|aB7"]},
    ),
    "order: A08 comes first, the A04 it updates late": Variation(
        [
            adt("A08", "2", "7^^^NGH^MR||LIND-HOLM^Eva||19840312|F", at="20260310120000"),
            adt("A04", "1", f"7^^^NGH^MR||{EVA}", at="20260310110000"),
        ],
        ["AA", "AA"], {"identities": [{"id": "NGH|7", "family": "LIND-HOLM"}], "identity_count": 1,
                       "events_for": {"NGH|7": 2}},
    ),
    "order: equal times, the later arrival wins": Variation(
        [adt("A04", "1", f"7^^^NGH^MR||{EVA}"), adt("A08", "2", "7^^^NGH^MR||LIND^Evelyn||19840312|F")],
        ["AA", "AA"], {"identities": [{"id": "NGH|7", "given": "Evelyn"}]},
    ),
    "order: EVN-2 counts before MSH-7": Variation(
        [
            adt("A04", "1", f"7^^^NGH^MR||{EVA}", at="20260310120000", evn="20260310120000"),
            adt("A08", "2", "7^^^NGH^MR||OLD^Eva||19840312|F", at="20260310130000", evn="20260309120000"),
        ],
        ["AA", "AA"], {"identities": [known("NGH|7")]},
    ),
    "merge: a chain of four, forwards, then news of the first": Variation(
        [
            *(adt("A04", f"r{n}", f"{n}^^^NGH^MR||{EVA}") for n in (1, 2, 3, 4)),
            *(adt("A40", f"m{n}", f"{n + 1}^^^NGH^MR||{EVA}", f"MRG|{n}^^^NGH^MR") for n in (1, 2, 3)),
            adt("A08", "u", "1^^^NGH^MR||LIND^Eva||19840312|F|||9 Elm St^^Harlow", at="20260310130000"),
        ],
        ["AA"] * 8,
        {"resolves_to": {f"NGH|{n}": "NGH|4" for n in (1, 2, 3, 4)}, "identity_count": 1,
         "identities": [known("NGH|4", street="9 Elm St")], "retired": ["NGH|1", "NGH|2", "NGH|3"]},
    ),
    "merge: a ring is no ring": Variation(
        [
            *(adt("A04", f"r{n}", f"{n}^^^NGH^MR||{EVA}") for n in (1, 2, 3)),
            adt("A40", "m1", f"2^^^NGH^MR||{EVA}", "MRG|1^^^NGH^MR"),
            adt("A40", "m2", f"3^^^NGH^MR||{EVA}", "MRG|2^^^NGH^MR"),
            adt("A40", "m3", f"1^^^NGH^MR||{EVA}", "MRG|3^^^NGH^MR"),
        ],
        ["AA"] * 5 + ["AA,AE"],
        {"resolves_to": {f"NGH|{n}": "NGH|3" for n in (1, 2, 3)}, "identity_count": 1},
    ),
    "merge: authority left out on both sides is the sender's": Variation(
        [
            adt("A04", "1", f"1||{EVA}"), adt("A04", "2", f"2||{EVA}"),
            adt("A40", "3", f"1||{EVA}", "MRG|2"),
        ],
        ["AA"] * 3, {"resolves_to": {"NGH|2": "NGH|1"}, "identity_count": 1},
    ),
    "merge: the survivor is known only as somebody's other number": Variation(
        [
            adt("A04", "1", f"1^^^NGH^MR~L1^^^LKM^MR||{EVA}"),
            adt("A04", "2", f"L2^^^LKM^MR||{EVA}", site="LKM"),
            adt("A40", "3", f"L1^^^LKM^MR||{EVA}", "MRG|L2^^^LKM^MR", site="LKM"),
        ],
        ["AA"] * 3, {"resolves_to": {"LKM|L2": "LKM|L1"}, "same_person": [["NGH|1", "LKM|L1"]]},
    ),
    "link: A24 then A37, then identical news of both": Variation(
        [
            adt("A04", "1", f"1^^^NGH^MR||{EVA}"), adt("A04", "2", f"2^^^NGH^MR||{EVA}"),
            adt("A24", "3", f"1^^^NGH^MR||{EVA}", f"PID|2||2^^^NGH^MR||{EVA}"),
            adt("A37", "4", f"1^^^NGH^MR||{EVA}", f"PID|2||2^^^NGH^MR||{EVA}"),
            adt("A08", "5", f"1^^^NGH^MR||{EVA}", at="20260310130000"),
            adt("A08", "6", f"2^^^NGH^MR||{EVA}", at="20260310130000"),
        ],
        ["AA"] * 6, {"different_person": [["NGH|1", "NGH|2"]], "resolves_to": {"NGH|1": "NGH|1", "NGH|2": "NGH|2"}},
    ),
    "link: an A40 against an A37 changes nothing and asks": Variation(
        [
            adt("A04", "1", f"1^^^NGH^MR||{EVA}"), adt("A04", "2", f"2^^^NGH^MR||{EVA}"),
            adt("A37", "3", f"1^^^NGH^MR||{EVA}", f"PID|2||2^^^NGH^MR||{EVA}"),
            adt("A40", "4", f"1^^^NGH^MR||{EVA}", "MRG|2^^^NGH^MR"),
        ],
        ["AA"] * 4,
        {"different_person": [["NGH|1", "NGH|2"]], "resolves_to": {"NGH|2": "NGH|2"},
         "open_reviews": ["merge_conflict"]},
    ),
    "link: across authorities when the sender issues one of the two": Variation(
        [
            adt("A04", "1", "1^^^NGH^MR||LIND^Eva||19840312|F"),
            adt("A04", "2", "9^^^LKM^MR||HOLM^Ida||19510203|F", site="LKM"),
            adt("A24", "3", "1^^^NGH^MR||LIND^Eva", "PID|2||9^^^LKM^MR||HOLM^Ida"),
        ],
        ["AA"] * 3, {"same_person": [["NGH|1", "LKM|9"]]},
    ),
    "link: not when it issues neither": Variation(
        [
            adt("A04", "1", "1^^^NGH^MR||LIND^Eva||19840312|F"),
            adt("A04", "2", "9^^^LKM^MR||HOLM^Ida||19510203|F", site="LKM"),
            adt("A24", "3", "1^^^NGH^MR||LIND^Eva", "PID|2||9^^^LKM^MR||HOLM^Ida", site="RDI"),
        ],
        ["AA", "AA", "AE"], {"different_person": [["NGH|1", "LKM|9"]]},
    ),
    "delete: A29 retires, and nobody is left": Variation(
        [adt("A28", "1", f"7^^^NGH^MR||{EVA}"), adt("A29", "2", f"7^^^NGH^MR||{EVA}")],
        ["AA", "AA"], {"retired": ["NGH|7"], "identity_count": 0},
    ),
    "delete: A29 of a number that nobody knows": Variation(
        [adt("A29", "1", f"7^^^NGH^MR||{EVA}")], ["AA,AE"], {"identity_count": 0},
    ),
    "delete: the other hospital's record stays": Variation(
        [
            adt("A28", "1", f"7^^^NGH^MR||{EVA}"), adt("A28", "2", f"8^^^LKM^MR||{EVA}", site="LKM"),
            adt("A29", "3", f"7^^^NGH^MR||{EVA}"),
        ],
        ["AA"] * 3, {"identities": [known("LKM|8")], "retired": ["NGH|7"], "identity_count": 1},
    ),
    "newborns: two of one mother, named by letters": Variation(
        [
            adt("A28", "1", "1^^^NGH^MR||SMITH^BABY BOY A||20260301|M|||12 Mill Road^^Harlow||2025550134"),
            adt("A28", "2", "2^^^NGH^MR||SMITH^BABY BOY B||20260301|M|||12 Mill Road^^Harlow||2025550134"),
        ],
        ["AA", "AA"], {"different_person": [["NGH|1", "NGH|2"]], "identity_count": 2},
    ),
    "versions: 2.3.1 with a country, a structure in MSH-9, a mode in MSH-11": Variation(
        [adt("A04^ADT_A01", "1", f"7^^^NGH^MR||{EVA}", msh="P^T|2.3.1^USA").replace("EVN|A04^ADT_A01", "EVN|A04")],
        ["AA"], {"identities": [known("NGH|7")]},
    ),
    "sex: codes that say nothing and small letters": Variation(
        [
            adt("A04", "1", "1^^^NGH^MR||LIND^Eva||1984|U"), adt("A04", "2", "2^^^NGH^MR||HOLM^Ida||1951|f"),
            adt("A04", "3", "3^^^NGH^MR||DAHL^Uno||1961|N"),
        ],
        ["AA"] * 3,
        {"identities": [{"id": "NGH|1", "sex": None}, {"id": "NGH|2", "sex": "F"}, {"id": "NGH|3", "sex": None}]},
    ),
    "stream: three frames in one write": Variation(
        [], ["AA"] * 3, {"identities": [known("NGH|1"), known("NGH|2"), known("NGH|3")]},
        stream=b"".join(framed(adt("A04", f"c{n}", f"{n}^^^NGH^MR||{EVA}").encode()) for n in (1, 2, 3)),
    ),
    "stream: one byte at a time": Variation(
        [], ["AA"], {"identities": [known("NGH|1")]},
        stream=framed(adt("A04", "c1", f"1^^^NGH^MR||{EVA}").encode()), chunks=[1] * 60,
    ),
    "stream: noise, an empty frame, then a good one": Variation(
        [], ["AR,AE", "AA"], {"identities": [known("NGH|1")], "identity_count": 1},
        stream=b"\x00\r\nhello" + framed(b"") + framed(adt("A04", "c1", f"1^^^NGH^MR||{EVA}").encode()),
    ),
}  # fmt: skip


def stored_as_wanted(acks: Sequence[Ack], case: Variation, store: Any) -> None:
    got = [ack.code for ack in acks]
    assert len(got) == len(case.codes)
    wanted = [set(codes.split(",")) for codes in case.codes]
    assert all(code in allowed for code, allowed in zip(got, wanted, strict=True)), [(a.code, a.error) for a in acks]
    assert judge(case.state, store, acks) == []


@pytest.mark.parametrize("name", [name for name in VARIATIONS if name != "charset: a name nobody defined"])
def test_variation(name: str) -> None:
    case, store = VARIATIONS[name], memory_store()
    door = Door(store.units)

    async def talk() -> list[Ack]:
        async with door.listening() as listener:
            if case.stream:
                return await converse(listener.port, case.stream, chunks=case.chunks, answers=len(case.codes))
            acks: list[Ack] = []
            for message in case.messages:
                data = message if isinstance(message, bytes) else message.encode()
                acks += await converse(listener.port, framed(data), answers=1)
            return acks

    stored_as_wanted(asyncio.run(talk()), case, store)


def test_a_charset_that_nobody_defined_is_read_or_refused_and_never_half_read() -> None:
    store = memory_store()
    ack = Door(store.units).send(VARIATIONS["charset: a name nobody defined"].messages[0])
    names = [r.demographics.name.family for r in store.all_records()]
    assert (ack.code, names) in (("AA", ["MÜNCH"]), ("AE", []))


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
@pytest.mark.parametrize("headers", [True, False])
def test_a_batch_with_bad_messages_in_it_has_an_answer_for_each(end: str, headers: bool) -> None:
    store = memory_store()
    door = Door(store.units)
    good = [adt("A04", f"b{n}", f"{n}^^^NGH^MR||{EVA}") for n in (1, 2)]
    unknown = adt("A04", "b9", f"9^^^NGH^MR||{EVA}").replace("ADT^A04", "ZZZ^Z99")
    parts = [good[0], BAD, unknown, good[1]]
    if headers:
        parts = ["FHS|^~\\&|REG|NGH\r", "BHS|^~\\&|REG|NGH\r", *parts, "BTS|4\r", "FTS|1\r"]
    result = import_file("".join(parts).replace("\r", end).encode(), door.dispatcher.handle)
    acks = [Ack.parse(answer) for answer in result.acknowledgements]
    assert [ack.code in wanted for ack, wanted in zip(acks, ("AA", "AEAR", "AR", "AA"), strict=True)] == [True] * 4
    assert judge({"identities": [known("NGH|1"), known("NGH|2")], "absent": ["NGH|66", "NGH|9"]}, store, acks) == []
