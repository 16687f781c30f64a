"""TLS of both listeners: one context, a certificate that is renewed while they listen, and whose device a client is."""

import asyncio
import logging
import ssl
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from cryptography import x509
from uvicorn.protocols.http.h11_impl import H11Protocol

from engine.core.city_toml import ClientCertificates, Settings
from engine.model.errors import Refusal
from engine.service.authority import today
from engine.service.door import credential_in

LOGGER = logging.getLogger("allpoints.tls")
LOOK_AGAIN_S = 60.0
"""How often it is looked whether the certificate was renewed."""
ENDS_SOON = timedelta(days=30)
_VERIFY: Mapping[ClientCertificates, ssl.VerifyMode] = {
    "off": ssl.CERT_NONE,
    "optional": ssl.CERT_OPTIONAL,
    "required": ssl.CERT_REQUIRED,
}


class Tls:
    """What both listeners encrypt by.

    Parameters
    ----------
    settings
        Which certificate, and whether clients have their own.

    Raises
    ------
    Refusal
        ``bad_certificate`` when certificate, key or authority cannot be used; says which.
    """

    def __init__(self, settings: Settings) -> None:
        assert settings.certificate is not None
        self._certificate, self._key = settings.certificate, settings.key
        self._stamp = 0
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.verify_mode = _VERIFY[settings.client_certificates]
        if settings.client_certificates != "off":
            self._trust(settings.authority)
        self._load()

    async def watch(self) -> None:
        """Take up a renewed certificate, and say when the present one ends soon; for ever."""
        while True:
            await asyncio.sleep(LOOK_AGAIN_S)
            self.look_again()

    def look_again(self) -> None:
        """Take up the certificate if its file has changed; one that cannot be used leaves the present one in force."""
        try:
            if self._stamp_now() != self._stamp:
                self._load()
                LOGGER.info("certificate_renewed")
        except (Refusal, OSError) as error:
            LOGGER.error("certificate_not_taken", extra={"code": getattr(error, "code", type(error).__name__)})  # noqa: TRY400 - its text names paths

    def _stamp_now(self) -> int:
        return self._certificate.stat().st_mtime_ns

    def _load(self) -> None:
        try:
            stamp = self._stamp_now()
            self.context.load_cert_chain(self._certificate, self._key)
            ends = x509.load_pem_x509_certificate(self._certificate.read_bytes()).not_valid_after_utc
        except (OSError, ValueError) as error:
            usable = "a certificate in PEM and its key"
            raise Refusal("bad_certificate", "tls", str(self._certificate), f"{usable} ({error})") from None
        self._stamp = stamp
        if ends - today() < ENDS_SOON:
            LOGGER.warning("certificate_ends_soon", extra={"days": (ends - today()).days})

    def _trust(self, authority: Path | None) -> None:
        try:
            if authority is None:
                raise FileNotFoundError("none is named")
            self.context.load_verify_locations(authority)
        except (OSError, ValueError) as error:
            made = "the authority of client certificates, as `allpoints tls init` makes it"
            raise Refusal("bad_certificate", "tls.authority", str(authority), f"{made} ({error})") from None


class Http(H11Protocol):
    """HTTP whose handlers learn of a client's certificate: ``request.state.certificate`` is the credential's id."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection."""
        super().connection_made(transport)
        peer = cast("Mapping[str, Any] | None", transport.get_extra_info("peercert"))
        self.app_state = {**self.app_state, "certificate": credential_in(peer)}
