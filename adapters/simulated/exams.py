"""Examinations as the demo hospitals describe them, each in its own language."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Exam:
    """One kind of examination: modality, body part, what it is called, and usual numbers of series and images."""

    modality: str
    body_part: str
    description: str
    series_count: int
    instance_count: int


ENGLISH = (
    Exam("CT", "ABDOMEN", "CT ABDOMEN PELVIS W CONTRAST", 4, 420),
    Exam("CT", "HEAD", "CT HEAD WO CONTRAST", 3, 96),
    Exam("CT", "CHEST", "CT CHEST PE PROTOCOL", 5, 510),
    Exam("CT", "CHEST", "CT THORAX W/O IV CONTRAST", 3, 280),
    Exam("MR", "KNEE", "MRI KNEE LT WITHOUT CONTRAST", 7, 210),
    Exam("MR", "BRAIN", "MRI BRAIN W WO CONTRAST", 9, 380),
    Exam("MR", "LSPINE", "MR LUMBAR SPINE WO", 6, 150),
    Exam("DX", "CHEST", "XR CHEST 2 VIEWS", 2, 2),
    Exam("DX", "ANKLE", "XR ANKLE RT 3V", 1, 3),
    Exam("US", "ABDOMEN", "US ABDOMEN COMPLETE", 1, 44),
    Exam("MG", "BREAST", "MAMMO SCREENING BILATERAL", 4, 4),
    Exam("NM", "CHEST", "NM LUNG V/Q SCAN", 2, 16),
)
GERMAN = (
    Exam("CT", "ABDOMEN", "CT Abdomen/Becken mit KM", 4, 430),
    Exam("CT", "HEAD", "CCT nativ", 2, 90),
    Exam("CT", "CHEST", "CT Thorax nativ", 3, 300),
    Exam("MR", "KNEE", "MRT Knie rechts nativ", 6, 190),
    Exam("MR", "BRAIN", "MRT Schädel mit und ohne KM", 8, 350),
    Exam("CR", "CHEST", "Röntgen Thorax in 2 Ebenen", 2, 2),
    Exam("CR", "HIP", "Rö Hüfte links 2 Ebenen", 1, 2),
    Exam("US", "ABDOMEN", "Sonographie Oberbauch", 1, 38),
)
SPANISH = (
    Exam("CT", "ABDOMEN", "TC abdomen y pelvis con contraste", 4, 410),
    Exam("CT", "HEAD", "TC cráneo sin contraste", 2, 92),
    Exam("CT", "CHEST", "TC tórax de alta resolución", 3, 330),
    Exam("MR", "SHOULDER", "RM hombro derecho", 6, 170),
    Exam("MR", "LSPINE", "RM columna lumbar", 6, 140),
    Exam("DX", "CHEST", "Radiografía de tórax PA y lateral", 2, 2),
    Exam("US", "ABDOMEN", "Ecografía abdominal", 1, 40),
    Exam("MG", "BREAST", "Mamografía bilateral", 4, 4),
)
FRENCH = (
    Exam("CT", "ABDOMEN", "Scanner abdomino-pelvien avec injection", 4, 400),
    Exam("CT", "HEAD", "Scanner cérébral sans injection", 2, 94),
    Exam("MR", "KNEE", "IRM du genou gauche", 6, 180),
    Exam("DX", "CHEST", "Radiographie thoracique de face", 1, 1),
    Exam("US", "ABDOMEN", "Échographie abdominale", 1, 36),
)
