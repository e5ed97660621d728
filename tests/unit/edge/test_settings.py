"""A setting of the agent that cannot be used is named; a value never is."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import ConfigurationError
from edge.settings import load_settings

SITE = '[site]\nid = "NGH"\nname = "North General"\nassigning_authority = "NGH"\n'
ARCHIVE = '[archive]\nprotocol = "dimse"\nhost = "pacs"\nport = 104\ncalled_ae_title = "PACS"\n'
HUB = '[hub]\njwks_file = "hub-jwks.json"\n'
TLS = 'certificate_file = "c.pem"\nkey_file = "k.pem"\n'


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "priorlink-edge.toml"
    path.write_text(text)
    return path


def test_a_file_is_read_and_a_variable_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRIORLINK_EDGE_HTTP__PORT", "0")
    text = SITE + ARCHIVE + HUB + f'[http]\nhost = "0.0.0.0"\nport = 9000\n{TLS}'
    settings = load_settings(written(tmp_path, text))
    assert settings.archive.protocol == "dimse"
    assert settings.http is not None
    assert settings.http.port == 0
    assert settings.policy.share_demographics
    assert not settings.demo


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (SITE + ARCHIVE + HUB, "settings"),
        (SITE + ARCHIVE + "[http]\nport = 0\n", "hub"),
        (SITE + ARCHIVE + HUB + '[http]\nhost = "0.0.0.0"\n', "http"),
        (SITE + ARCHIVE + HUB + '[http]\ncertificate_file = "secret-place"\n', "http"),
        (SITE + ARCHIVE + HUB + '[http]\nclient_ca_file = "secret-place"\n', "http"),
        (SITE + ARCHIVE + HUB + '[outbound]\nhub_url = "http://hub.example"\nkey_file = "secret-place"\n', "outbound"),
        (SITE + ARCHIVE + HUB + '[outbound]\nhub_url = "ftp://secret-place"\nkey_file = "k"\n', "outbound.hub_url"),
        (SITE + 'time_zone = "secret-place"\n' + ARCHIVE + HUB + "[http]\n", "site.time_zone"),
        (SITE + ARCHIVE + HUB + "[http]\n[policy]\nexclude = 1\n", "policy.exclude"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, field: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        load_settings(written(tmp_path, text))
    assert str(refusal.value).startswith(f"{field}:")
    assert "secret-place" not in str(refusal.value)
