"""What the published study says of a study of the history."""

from __future__ import annotations

from gateway.schema.studies import PriorStudy
from tests.imaging_builders import study


def test_probable_copies_are_published() -> None:
    assert PriorStudy.from_domain(study(probable_copies=("2.999.8",))).probable_copies == ["2.999.8"]
