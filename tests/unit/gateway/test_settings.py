"""A setting that cannot be used is named; a value never is."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.archive_settings import DimseArchive
from gateway.errors import ConfigurationError
from gateway.settings import load_settings

GOOD = """
[store]
url = "sqlite:///hub.db"
[auth]
issuer = "https://issuer.example"
jwks_file = "jwks.json"
[[authorities]]
name = "NATID"
strong = true
[[sites]]
id = "NGH"
name = "North General"
assigning_authority = "NGH"
archive = { protocol = "dicomweb", url = "https://ngh.example/dicomweb" }
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "priorlink.toml"
    path.write_text(text)
    return path


def test_a_file_gives_sites_authorities_and_the_issuer(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, GOOD))
    assert settings.sites[0].archive is not None
    assert settings.sites[0].archive.protocol == "dicomweb"
    assert settings.authorities[0].strong
    assert settings.auth.jwks_file == Path("jwks.json")
    assert settings.http.port == 8420


def test_a_variable_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRIORLINK_HTTP__PORT", "0")
    assert load_settings(written(tmp_path, GOOD + "[http]\nport = 9000\n")).http.port == 0


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("[http]\nport = 99999\n", "http.port"),
        ("[http]\nprot = 80\n", "http.prot"),
        ("[auth]\nleeway_seconds = -1\n", "auth.leeway_seconds"),
        ('[auth]\nissuer = "https://i"\njwks_file = "a"\njwks_url = "https://b"\n', "auth"),
        ('[auth]\njwks_file = "a"\n', "auth"),
        ('[auth]\nissuer = "https://i"\njwks_url = "ftp://secret-place"\n', "auth.jwks_url"),
        ("[federation]\ndeadline_ms = 1\n", "federation.deadline_ms"),
        ('[[sites]]\nid = "a b"\nname = "x"\nassigning_authority = "A"\n', "sites.0.id"),
        (
            '[[sites]]\nid = "A"\nname = "x"\nassigning_authority = "A"\narchive = { protocol = "smoke" }\n',
            "sites.0.archive",
        ),
        ("[surprise]\nx = 1\n", "surprise"),
    ],
)
def test_the_field_that_is_wrong_is_named(tmp_path: Path, text: str, field: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        load_settings(written(tmp_path, text))
    assert str(error.value).startswith(f"{field}: ")
    assert "secret-place" not in str(error.value)
    assert "99999" not in str(error.value)


def test_a_file_that_is_not_there_or_not_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"missing\.toml does not exist"):
        load_settings(tmp_path / "missing.toml")
    with pytest.raises(ConfigurationError, match=r"priorlink\.toml"):
        load_settings(written(tmp_path, "[http\n"))


def test_an_archive_by_tls_is_set_with_its_files(tmp_path: Path) -> None:
    archive = (
        '{ protocol = "dimse", host = "h", port = 104, called_ae_title = "P",'
        ' tls = { ca_file = "ca.pem", certificate_file = "us.pem", key_file = "key.pem", server_name = "pacs" } }'
    )
    site = f'[[sites]]\nid = "NGH"\nname = "x"\nassigning_authority = "NGH"\narchive = {archive}\n'
    found = load_settings(written(tmp_path, site)).sites[0].archive
    assert isinstance(found, DimseArchive)
    assert found.tls is not None
    assert (found.tls.ca_file, found.tls.server_name) == (Path("ca.pem"), "pacs")
    with pytest.raises(ConfigurationError, match="go together"):
        load_settings(written(tmp_path, site.replace('key_file = "key.pem", ', "")))


@pytest.mark.parametrize(
    ("archive", "protocol"),
    [
        ('{ protocol = "fhir", url = "https://ngh.example/r4", identifier_systems = ["urn:oid:2.999.1"] }', "fhir"),
        ('{ protocol = "folder", path = "/srv/images", index_file = "ngh.db", poll_seconds = 60 }', "folder"),
    ],
)
def test_every_protocol_can_be_set(tmp_path: Path, archive: str, protocol: str) -> None:
    site = f'[[sites]]\nid = "NGH"\nname = "x"\nassigning_authority = "NGH"\narchive = {archive}\n'
    found = load_settings(written(tmp_path, site)).sites[0].archive
    assert found is not None
    assert found.protocol == protocol
