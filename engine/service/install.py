"""The page that helps a device to trust the city's own authority, in Chinese and English, and the certificate itself.

Whoever opens it does not trust this server yet, and must not because the page says so: the fingerprint on it is to be
compared with the one that ``allpoints tls init`` printed in the command centre.
"""

from html import escape
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from engine.model.errors import Refusal
from engine.service.authority import fingerprint
from engine.texts import LANGUAGES, text

CERTIFICATE = "/install/authority.crt"
MEDIA = "application/x-x509-ca-cert"
_STEPS = ("compare", "android", "ios", "windows")


def read(path: Path | None) -> x509.Certificate:
    """Return the authority's certificate.

    Raises
    ------
    Refusal
        ``no_authority`` where the city has none of its own.
    """
    if path is None or not path.is_file():
        raise Refusal("no_authority", "authority", "", "a city with an authority of its own: `allpoints tls init`")
    return x509.load_pem_x509_certificate(path.read_bytes())


def download(certificate: x509.Certificate) -> bytes:
    """Return the certificate as devices take it: DER."""
    return certificate.public_bytes(Encoding.DER)


def page(certificate: x509.Certificate) -> str:
    """Return the page, one section a language; it needs nothing from anywhere else."""
    (name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    city = str(name.value)
    sections = "".join(_section(certificate, city, language) for language in LANGUAGES)
    return (
        '<!doctype html><html lang="zh"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(text('install.title', LANGUAGES[0], city=city))}</title>"
        "<style>body{font:16px/1.6 sans-serif;max-width:42em;margin:2em auto;padding:0 1em}"
        "code{display:block;word-break:break-all;padding:.6em;background:#eee;color:#111}</style></head>"
        f"<body>{sections}</body></html>"
    )


def _section(certificate: x509.Certificate, city: str, language: str) -> str:
    def say(key: str, **values: object) -> str:
        return escape(text(f"install.{key}", language, **values))

    until = f"{certificate.not_valid_after_utc:%Y-%m-%d}"
    steps = "".join(f"<li>{say(step)}</li>" for step in _STEPS)
    return (
        f'<section lang="{language}"><h1>{say("title", city=city)}</h1><p>{say("what", until=until)}</p>'
        f"<p>{say('fingerprint')}</p><code>{fingerprint(certificate)}</code>"
        f'<p><a href="{CERTIFICATE}">{say("download")}</a></p><ol>{steps}</ol></section>'
    )
