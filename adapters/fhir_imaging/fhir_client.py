"""GET requests to one FHIR server, and how it wants to be asked. Source: FHIR R4 3.1.0."""

from __future__ import annotations

from adapters.connection.bearer_token import BearerToken
from adapters.connection.http_archive import HttpArchive
from adapters.connection.tls import TlsFiles
from adapters.fhir_imaging.bundle import same_origin_url
from adapters.fhir_imaging.settings import FhirSettings
from federation.errors import SourceProtocolError

Parameters = tuple[tuple[str, str], ...]


class FhirClient:
    """No other origin than the server's own is ever asked."""

    def __init__(self, settings: FhirSettings) -> None:
        self._base_url = settings.base_url
        self._http = HttpArchive(
            settings.base_url,
            BearerToken(settings.bearer_token, settings.token_file),
            settings.max_answer_bytes,
            settings.connect_timeout_seconds,
            tls=TlsFiles(settings.ca_file, settings.client_certificate_file, settings.client_key_file),
        )
        self._accept = "application/fhir+json, application/json;q=0.9"

    async def get(self, url: str, parameters: Parameters = ()) -> bytes:
        """The body of one answer. A server that refuses our media type is asked once more for plain JSON.

        Raises:
            SourceError: it did not give one.
        """
        if same_origin_url(url, self._base_url) is None:
            raise SourceProtocolError("other_origin")
        try:
            return await self._get(url, parameters)
        except SourceProtocolError as refusal:
            if refusal.reason != "http_406" or self._accept == "application/json":
                raise
            self._accept = "application/json"
            return await self._get(url, parameters)

    async def aclose(self) -> None:
        """Give up connections. Idempotent."""
        await self._http.aclose()

    async def _get(self, url: str, parameters: Parameters) -> bytes:
        answer = await self._http.get(url, parameters, {"Accept": self._accept})
        return answer.body
