"""The demo's ordering system: the key it signs its CDS Hooks calls with, and the hub's settings that let it in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from joserfc.jwk import ECKey

from gateway.settings import CdsClientSettings, CdsHooksSettings

ISSUER = "https://ehr.example"
IDENTIFIER_SYSTEM = "https://ehr.example/patient-number"


@dataclass(frozen=True, slots=True)
class DemoEhr:
    """Where its keys lie: ``key_file`` is the private one, ``jwks_file`` the set that the hub reads."""

    key_file: Path
    jwks_file: Path


def make_demo_ehr(folder: Path) -> DemoEhr:
    """A new key in the folder."""
    ehr = DemoEhr(folder / "ehr-key.json", folder / "ehr-jwks.json")
    key = ECKey.generate_key("P-384", auto_kid=True)
    ehr.key_file.touch(mode=0o600)
    ehr.key_file.write_text(json.dumps(key.as_dict(private=True)), encoding="utf-8")
    ehr.jwks_file.write_text(json.dumps({"keys": [key.as_dict(private=False)]}), encoding="utf-8")
    return ehr


def cds_hooks_settings(ehr: DemoEhr, *, base_url: str, site: str, authority: str, deadline_ms: int) -> CdsHooksSettings:
    """Let the demo's ordering system in, as the one of this site."""
    return CdsHooksSettings(
        base_url=base_url,
        deadline_ms=deadline_ms,
        clients=(CdsClientSettings(issuer=ISSUER, site=site, jwks_file=ehr.jwks_file),),
        identifier_systems={IDENTIFIER_SYSTEM: authority},
    )
