"""A site's code map: loaded whole, or refused with the lines that are wrong."""

from __future__ import annotations

import pytest

from federation.errors import InvalidCodeMap
from federation.imaging.code_map import CodeMap, parse_code_map
from federation.imaging.procedures import Contrast, Laterality, Modality, ProcedureFlag

HEAD = "system,code,modality,regions,laterality,contrast,focus,flags\n"


def test_a_row_becomes_a_procedure() -> None:
    code_map = parse_code_map(HEAD + "Local,A1,ct,abdomen; pelvis,none,with,appendix,limited;low_dose\n")
    found = code_map.lookup("A1", "LOCAL")
    assert found is not None
    assert found.modality is Modality.CT
    assert found.regions == {"ABDOMEN", "PELVIS"}
    assert (found.laterality, found.contrast, found.focus) == (Laterality.NONE, Contrast.WITH, "APPENDIX")
    assert found.flags == {ProcedureFlag.LIMITED, ProcedureFlag.LOW_DOSE}
    assert found.confidence == 1


def test_focus_and_flags_may_be_left_out() -> None:
    code_map = parse_code_map("\ufeffcode,system,modality,regions,laterality,contrast\n7,L,US,NECK,none,without\n")
    found = code_map.lookup("7")
    assert found is not None
    assert (found.focus, found.flags) == (None, frozenset())


def test_a_code_without_its_system_must_be_the_only_one() -> None:
    code_map = parse_code_map(HEAD + "A,1,CT,HEAD,none,with,,\nB,1,MR,HEAD,none,with,,\nB,2,MR,NECK,none,with,,\n")
    assert len(code_map) == 3
    assert code_map.lookup("1") is None
    assert code_map.lookup("2") is not None
    assert code_map.lookup("2", "A") is None
    assert code_map.lookup(None) is None
    assert CodeMap().lookup("1", "A") is None


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("L,1,CAMERA,HEAD,none,with,,", "modality"),
        ("L,1,CT,ELSEWHERE,none,with,,", "regions"),
        ("L,1,CT,;,none,with,,", "regions"),
        ("L,1,CT,HEAD,sideways,with,,", "laterality"),
        ("L,1,CT,HEAD,none,maybe,,", "contrast"),
        ("L,1,CT,HEAD,none,with,,shiny", "flags"),
        ("L,,CT,HEAD,none,with,,", "empty: code"),
        ("L,1,CT,HEAD,none,with,,,,extra", "more fields"),
        ("L,0,CT,HEAD,none,with,,", "twice"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_loaded(row: str, said: str) -> None:
    with pytest.raises(InvalidCodeMap, match=rf"line 3: .*{said}"):
        parse_code_map(HEAD + "L,0,CT,HEAD,none,with,,\n" + row + "\n")


def test_every_wrong_line_is_named() -> None:
    with pytest.raises(InvalidCodeMap, match=r"line 2: .*line 4: "):
        parse_code_map(HEAD + "L,1,X,HEAD,none,with,,\nL,2,CT,HEAD,none,with,,\nL,3,CT,X,none,with,,\n")


@pytest.mark.parametrize("text", ["", "code,system\n", HEAD.replace("focus", "focal")])
def test_the_columns_are_checked_first(text: str) -> None:
    with pytest.raises(InvalidCodeMap, match="line 1"):
        parse_code_map(text)
