"""The traps of procedure text, one by one, in words of our own."""

from __future__ import annotations

import pytest

from federation.errors import InvalidLexicon
from federation.imaging.code_map import parse_code_map
from federation.imaging.normalizing.lexicon import build_lexicon, default_lexicon
from federation.imaging.normalizing.words import fold
from federation.imaging.procedure_normalizer import normalize_procedure
from federation.imaging.procedure_rows import normalize_rows
from federation.imaging.procedures import Contrast, Laterality, Modality, Procedure, ProcedureFlag

AP = {"ABDOMEN", "PELVIS"}
CAP = {"CHEST", "ABDOMEN", "PELVIS"}


def read(text: str, header: str | None = None, body_part: str | None = None) -> Procedure:
    return normalize_procedure(text, dicom_modality=header, body_part_examined=body_part)


class TestModality:
    @pytest.mark.parametrize(
        ("text", "header", "expected"),
        [
            ("XR ORBITS BEFORE MRI", "DX", Modality.XR),
            ("X-RAY ORBITS MRI CLEARANCE", None, Modality.XR),
            ("MR-Mammographie links", None, Modality.MR),
            ("Scanner du genou droit", None, Modality.CT),
            ("TEP-scan cérébral", None, Modality.PT),
            ("TC TEP", None, Modality.CT),
            ("Echo knie rechts", None, Modality.US),
            ("PET/CT whole body", None, Modality.PT),
            ("DEXA hip", "CR", Modality.BMD),
            ("DEXA hip", "OT", Modality.BMD),
            ("CT chest and abdomen", "OT", Modality.UNKNOWN),
            ("Hand PA", "IO", Modality.XR),
            ("Lumbar", "CTSPINE", Modality.UNKNOWN),
        ],
    )
    def test_header_wins_over_words_except_densitometry(
        self, text: str, header: str | None, expected: Modality
    ) -> None:
        assert read(text, header).modality is expected

    def test_several_header_values(self) -> None:
        assert normalize_procedure("Thorax", dicom_modality=["CT", "PT", "SR"]).modality is Modality.PT
        assert normalize_procedure("Thorax", dicom_modality="CT\\SR").modality is Modality.CT

    def test_a_contradicting_word_lowers_confidence(self) -> None:
        assert read("CT KNEE LEFT", "MR").confidence < read("MRI KNEE LEFT", "MR").confidence
        assert read("CT KNEE LEFT", "MR").modality is Modality.MR


class TestRegions:
    @pytest.mark.parametrize(
        ("text", "header", "expected"),
        [
            ("CT A/P W", "CT", AP),
            ("PELVIS A/P", "DX", {"PELVIS"}),
            ("KNEE AP LT", "DX", {"KNEE"}),
            ("TAP injecté", "CT", CAP),
            ("cervico-thoraco-abdomino-pelvien", "CT", {"NECK", *CAP}),
            ("dorso-lombaire", "MR", {"TSPINE", "LSPINE"}),
            ("columna toracolumbar", "CT", {"TSPINE", "LSPINE"}),
            ("Schädel", "CT", {"HEAD"}),
            ("Schädel", "DX", {"SKULL"}),
            ("Schaedel", "CT", {"HEAD"}),
            ("Schilddrüsensonographie", "US", {"NECK"}),
            ("KUB", "CT", AP),
            ("KUB", "CR", {"ABDOMEN"}),
            ("kidneys", "CT", {"ABDOMEN"}),
            ("kidney stones", "CT", AP),
            ("Head^ORBITS", "CT", {"ORBIT"}),
            ("Head^ROUTINE", "CT", {"HEAD"}),
            ("7.4 NECK", "CT", {"NECK"}),
            ("obstetric pelvis transvaginal", "US", {"FETUS"}),
            ("US links", "US", {"UNKNOWN"}),
            ("Rö US links 2 Ebenen", "DX", {"LEG"}),
            ("leg veins", "US", {"LOWER_EXTREMITY"}),
            ("leg", "DX", {"LEG"}),
            ("transthoracic echo", "US", {"HEART"}),
            ("radio thorax face", "DX", {"CHEST"}),
            ("face", "CT", {"FACE"}),
            ("T2 COR", "MR", {"UNKNOWN"}),
            ("Beckenübersicht", "DX", {"PELVIS"}),
            ("CTHEAD", "CT", {"HEAD"}),
            ("RM de pie derecho", "MR", {"FOOT"}),
            ("Rx abdomen de pie", "DX", {"ABDOMEN"}),
            ("TEP PSMA", "PT", {"NECK", *CAP}),
            ("CTSPINE", "MR", {"CSPINE", "TSPINE"}),
            ("knee wb", "DX", {"KNEE"}),
            ("extremity venous right lower", "US", {"LOWER_EXTREMITY"}),
        ],
    )
    def test_only_what_is_written_counts(self, text: str, header: str, expected: set[str]) -> None:
        assert read(text, header).regions == expected

    @pytest.mark.parametrize(
        ("typo", "region"), [("ABDOEMN", "ABDOMEN"), ("SHUOLDER", "SHOULDER"), ("SINSUES", "SINUS")]
    )
    def test_typing_errors_of_regions(self, typo: str, region: str) -> None:
        found = read(f"CT {typo}", "CT")
        assert found.regions == {region}
        assert found.confidence < 1

    def test_color_is_no_colon(self) -> None:
        assert read("COLOR FLOW", "US").regions == {"UNKNOWN"}


class TestLaterality:
    @pytest.mark.parametrize(
        ("text", "header", "expected"),
        [
            ("KNEE LAT", "DX", Laterality.UNKNOWN),
            ("KNEE LATERAL RT", "DX", Laterality.RIGHT),
            ("ABDOMEN LT DECUB", "DX", Laterality.NONE),
            ("CHEST R/O PNEUMONIA", "DX", Laterality.NONE),
            ("KNEE R/O FRACTURE", "DX", Laterality.UNKNOWN),
            ("Wrist - left GE 3 Views", "DX", Laterality.LEFT),
            ("TOE 2ND RT", "DX", Laterality.RIGHT),
            ("Ankle^OBL B", "DX", Laterality.BILATERAL),
            ("RM hombro D", "MR", Laterality.RIGHT),
            ("IRM genou G", "MR", Laterality.LEFT),
            ("Radio de l'épaule", "DX", Laterality.UNKNOWN),
            ("Rx rodillas", "DX", Laterality.BILATERAL),
            ("XR RIBS", "DX", Laterality.UNKNOWN),
            ("XR KNEE LT AND RT", "DX", Laterality.BILATERAL),
            ("XR KNEE LT, ANKLE RT", "DX", Laterality.UNKNOWN),
            ("carotid duplex left", "US", Laterality.LEFT),
            ("chest left", "DX", Laterality.NONE),
            ("pleural effusion right", "US", Laterality.RIGHT),
            ("screening mammogram", "MG", Laterality.BILATERAL),
            ("mammogram", "MG", Laterality.UNKNOWN),
            ("duplex veins LLE", "US", Laterality.LEFT),
            ("run-off", "CT", Laterality.BILATERAL),
            ("CT 3D", "CT", Laterality.UNKNOWN),
        ],
    )
    def test_a_side_is_never_guessed(self, text: str, header: str, expected: Laterality) -> None:
        assert read(text, header).laterality is expected

    def test_a_misspelt_side_is_no_side(self) -> None:
        assert read("XR KNEE RIGTH", "DX").laterality is Laterality.UNKNOWN


class TestContrast:
    @pytest.mark.parametrize(
        ("text", "header", "expected"),
        [
            ("NECK W", "CT", Contrast.WITH),
            ("ABD W PELVIS", "CT", Contrast.UNKNOWN),
            ("KNEE W 3D", "CT", Contrast.UNKNOWN),
            ("KNEE WO, 3D", "CT", Contrast.WITHOUT),
            ("TESTES W DOPPLER", "US", Contrast.WITHOUT),
            ("RENOGRAM W LASIX", "NM", Contrast.WITHOUT),
            ("NECK W/O & W", "CT", Contrast.BOTH),
            ("ABDOMEN W ORAL", "CT", Contrast.WITHOUT),
            ("ABDOMEN W ORAL AND IV", "CT", Contrast.WITH),
            ("ABDOMEN W ORAL WO IV", "CT", Contrast.WITHOUT),
            ("Hals nativ + KM", "CT", Contrast.BOTH),
            ("cuello con y sin contraste", "CT", Contrast.BOTH),
            ("hals met en zonder contrast", "CT", Contrast.BOTH),
            ("cou sans puis avec injection", "CT", Contrast.BOTH),
            ("neck with or without contrast", "CT", Contrast.UNKNOWN),
            ("Neck C+", "CT", Contrast.WITH),
            ("Neck C-", "CT", Contrast.WITHOUT),
            ("C-spine", "CT", Contrast.UNKNOWN),
            ("CTA NECK", "CT", Contrast.WITH),
            ("CTA NECK W WO", "CT", Contrast.BOTH),
            ("MRA NECK", "MR", Contrast.UNKNOWN),
            ("liver dynamic", "MR", Contrast.WITH),
            ("HRCT lungs", "CT", Contrast.WITHOUT),
            ("ureteric stones", "CT", Contrast.WITHOUT),
            ("ureteric stones W CONTRAST", "CT", Contrast.WITH),
            ("MR arthrogram wrist", "MR", Contrast.WITH),
            ("barium swallow", "RF", Contrast.WITH),
            ("CTA", "CT", Contrast.UNKNOWN),
            ("whole body FDG", "PT", Contrast.UNKNOWN),
            ("contrast enhanced mammogram", "MG", Contrast.WITH),
            ("mammogram", "MG", Contrast.WITHOUT),
        ],
    )
    def test_words_win_over_what_a_protocol_implies(self, text: str, header: str, expected: Contrast) -> None:
        assert read(text, header).contrast is expected


class TestFocus:
    @pytest.mark.parametrize(
        ("text", "header", "expected"),
        [
            ("CTA neck carotids", "CT", "CAROTID"),
            ("CTA carotids circle of Willis", "CT", "ARTERIES"),
            ("doppler TSA", "US", "CAROTID"),
            ("angioscanner TSA", "CT", "ARTERIES"),
            ("brain", "MR", "BRAIN"),
            ("brain and orbits", "MR", None),
            ("brain perfusion", "CT", "PERFUSION"),
            ("venogram brain", "MR", "VENOUS_SINUSES"),
            ("veins arm left", "US", "VEINS"),
            ("liver", "US", "LIVER"),
            ("liver doppler", "US", "LIVER_DOPPLER"),
            ("liver and pancreas", "CT", None),
            ("kidneys and bladder", "US", "URINARY_TRACT"),
            ("Spine^LSPINE_BONE", "CT", None),
            ("bony pelvis", "CT", "BONE"),
            ("screening", "MG", "SCREENING"),
            ("colonography screening", "CT", "COLON"),
            ("transoesophageal echo", "US", "TEE"),
            ("oesophagus", "RF", "ESOPHAGUS"),
            ("Echo scrotum", "US", None),
            ("FDG whole body", "PT", None),
            ("PSMA whole body", "PT", "PSMA"),
        ],
    )
    def test_one_value_or_none(self, text: str, header: str, expected: str | None) -> None:
        assert read(text, header).focus == expected


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("Radio thorax au lit", ProcedureFlag.PORTABLE),
        ("US abdomen ltd", ProcedureFlag.LIMITED),
        ("CT NNH low dose", ProcedureFlag.LOW_DOSE),
        ("CT-gesteuerte Biopsie Leber", ProcedureFlag.GUIDANCE),
    ],
)
def test_flags(text: str, flag: ProcedureFlag) -> None:
    assert read(text).flags == {flag}


class TestBodyPart:
    def test_it_speaks_only_when_the_description_does_not(self) -> None:
        assert read("", "MR", "CTSPINE").regions == {"CSPINE", "TSPINE"}
        assert read("ROUTINE", "CT", "CHEST_ABDOMEN").regions == {"CHEST", "ABDOMEN"}
        assert read("KNEE RT", "MR", "HEAD").regions == {"KNEE"}

    def test_a_conflict_lowers_confidence_and_a_neighbour_does_not(self) -> None:
        assert read("CT SINUS", "CT", "HEAD").confidence == 1
        assert read("CT SINUS", "CT", "FOOT").confidence < 1
        assert read("", "CT", "SINUS").confidence < read("CT SINUS", "CT", "FOOT").confidence

    def test_it_may_tell_the_focus(self) -> None:
        assert read("", "US", "THYROID").focus == "THYROID"


@pytest.mark.parametrize("text", ["", "???", "POST PROCESSING", "Import", "blue paper folder", "R", "W WO"])
def test_nothing_found_is_unknown(text: str) -> None:
    found = read(text)
    assert found.is_unknown
    assert found.confidence == 0
    assert found.laterality is Laterality.UNKNOWN


def test_not_an_acquisition_ignores_the_body_part() -> None:
    assert read("3D POST PROCESSING", "CT", "HEAD").is_unknown


def test_evidence_names_the_word_and_its_meaning() -> None:
    told = {(item.source, item.token, item.meaning) for item in read("XR KNEE LT", "DX").evidence}
    assert told == {("modality", "DX", "XR"), ("description", "knee", "KNEE"), ("description", "lt", "left")}


def test_the_code_map_wins_over_the_text() -> None:
    code_map = parse_code_map("system,code,modality,regions,laterality,contrast\nlocal,X1,MR,HIP,left,without\n")
    found = normalize_procedure("CT HEAD", dicom_modality="CT", code="X1", code_system="LOCAL", code_map=code_map)
    assert (found.modality, found.regions, found.laterality) == (Modality.MR, {"HIP"}, Laterality.LEFT)
    assert found.evidence[0].source == "code_map"
    assert normalize_procedure("CT HEAD", code="X2", code_system="local", code_map=code_map).modality is Modality.CT


class TestRows:
    def test_output_columns_are_added_and_replaced(self) -> None:
        row = {"description": "CT ABD/PELVIS W", "laterality": "wrong", "id": "7"}
        (out,) = normalize_rows([row])
        assert out["id"] == "7"
        assert out["canonical_regions"] == "ABDOMEN;PELVIS"
        assert (out["canonical_modality"], out["laterality"], out["contrast"], out["focus"]) == (
            "CT",
            "none",
            "with",
            "",
        )
        assert out["confidence"] == "1.00"
        assert "description:abd=ABDOMEN" in out["evidence"]
        assert row["laterality"] == "wrong"

    def test_a_code_is_looked_up(self) -> None:
        code_map = parse_code_map("system,code,modality,regions,laterality,contrast\nL,9,US,NECK,none,without\n")
        (out,) = normalize_rows([{"description": "?", "code": "9", "code_system": "L"}], code_map)
        assert (out["canonical_modality"], out["canonical_regions"]) == ("US", "NECK")


class TestLexicon:
    def test_a_site_can_bring_its_own(self) -> None:
        own = build_lexicon({"own.toml": '[[concept]]\nname = "x"\nregions = ["KNEE"]\nany = "zork"\n'})
        assert normalize_procedure("ZORK", dicom_modality="MR", lexicon=own).regions == {"KNEE"}

    @pytest.mark.parametrize(
        "text",
        [
            "not toml",
            '[[concept]]\nname = "x"\nregions = ["ELSEWHERE"]\nany = "y"\n',
            '[[concept]]\nname = "x"\ncolour = "red"\nany = "y"\n',
            '[[concept]]\nname = "x"\nmodality = "CAMERA"\nany = "y"\n',
            '[[concept]]\nname = "x"\nany = "!!"\n',
            '[[concept]]\nname = "x"\nwhen = { weather = ["rain"] }\nany = "y"\n',
        ],
    )
    def test_a_wrong_one_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidLexicon):
            build_lexicon({"own.toml": text})

    def test_it_is_read_once(self) -> None:
        assert default_lexicon() is default_lexicon()

    def test_no_word_is_a_typing_error_of_itself(self) -> None:
        words = default_lexicon().vocabulary
        assert set(words.targets) <= words.known

    def test_folding(self) -> None:
        assert fold("Röntgen d.v. ColangioRM l’épaule") == "rontgen dv  colangio rm  epaule"
