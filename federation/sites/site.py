"""A hospital that takes part: its id, its authority, what its answers need to be read right.

How it is reached (protocol, address) is for the adapters; here stands only what the pure code needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

SiteId = NewType("SiteId", str)


@dataclass(frozen=True, slots=True)
class Site:
    """A registered site.

    Attributes:
        site_id: short stable name; also the HL7 sending facility of the site.
        name: what people call it.
        assigning_authority: issuer of the identifiers its archive files studies under.
        time_zone: IANA name; times without an offset are local times there.
        sr_means_final_report: the site's archive takes a report object (SR) only once the report is signed, so a
            study that holds one is reported. Otherwise the report status of DICOM answers is unknown.
        viewer_url_template: opens a study; ``{study_instance_uid}`` is replaced. ``None``: no link.
    """

    site_id: SiteId
    name: str
    assigning_authority: str
    time_zone: str = "UTC"
    sr_means_final_report: bool = False
    viewer_url_template: str | None = None

    def open_url(self, study_instance_uid: str) -> str | None:
        """Where a person opens the study, or ``None`` when the site has no viewer."""
        if self.viewer_url_template is None:
            return None
        return self.viewer_url_template.replace("{study_instance_uid}", study_instance_uid)
