"""A city's own certificate authority: for rooms that no public one reaches, and devices that shall know their server.

It lies in the folder ``tls`` of the city, keys readable by their owner only. It may sign for the names and addresses
alone that it was made for (name constraints): whoever installs it on a device trusts it for nothing else. The server's
own certificate is renewed from it, and devices may have certificates of theirs, each bound to one credential.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from engine.core.city_toml import AUTHORITY, SERVER_CERTIFICATE, SERVER_KEY, TLS
from engine.journal.files import create_private, replace_private
from engine.model.errors import Refusal
from engine.model.limits import LONGEST_ADDRESS
from engine.service.door import DEVICE_URI

AUTHORITY_KEY = "authority.key"
AUTHORITY_DAYS, SERVER_DAYS, DEVICE_DAYS = 3_650, 397, 397
"""How long each holds: phones take no certificate of a server for longer than 398 days."""
MOST_HOSTS = 50
ALWAYS = ("localhost", "127.0.0.1", "::1")
"""The machine itself, under each of its names."""
_EARLIER = timedelta(hours=1)
"""Certificates begin so much earlier, for devices whose clocks are slow."""
_LONGEST_COMMON_NAME = 64


@dataclass(frozen=True)
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def make_authority(folder: Path, city: str, hosts: Sequence[str], now: datetime, *, force: bool = False) -> Pair:
    """Make the authority and write it down.

    Parameters
    ----------
    folder
        The city's.
    hosts
        Names and addresses that it may sign for; those of the machine itself always.

    Raises
    ------
    Refusal
        ``exists`` where there is one already and ``force`` is not given, ``bad_host`` for what is no name or address.
    """
    home = folder / TLS
    if (home / AUTHORITY).exists() and not force:
        raise Refusal("exists", "folder", str(home), "none yet, or --force: every device must then install the new one")
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"Allpoints {city}")
    constraints = x509.NameConstraints([_constraint(host) for host in _hosts(hosts)], None)
    usage = _usage(signs_certificates=True)
    certificate = (
        _builder(name, name, key, now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(constraints, critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    home.mkdir(mode=0o700, exist_ok=True)
    _write(home / AUTHORITY, home / AUTHORITY_KEY, Pair(certificate, key))
    return Pair(certificate, key)


def read_authority(folder: Path) -> Pair:
    """Return the city's authority.

    Raises
    ------
    Refusal
        ``no_authority`` where there is none that can be read.
    """
    home = folder / TLS
    try:
        certificate = x509.load_pem_x509_certificate((home / AUTHORITY).read_bytes())
        key = load_pem_private_key((home / AUTHORITY_KEY).read_bytes(), None)
    except (OSError, ValueError) as error:
        made = "one that `allpoints tls init` made, with its key"
        raise Refusal("no_authority", "folder", str(home), f"{made} ({type(error).__name__})") from None
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return Pair(certificate, key)


def make_server_certificate(folder: Path, hosts: Sequence[str], now: datetime) -> x509.Certificate:
    """Make the server's certificate and write it down; the one before it is replaced.

    Parameters
    ----------
    hosts
        Names and addresses that it is for; none for those of the one before it.

    Raises
    ------
    Refusal
        ``no_authority``; ``bad_host`` for what is no name or address, or none that the authority may sign for.
    """
    authority, home = read_authority(folder), folder / TLS
    wanted = _hosts(hosts or _hosts_of(home / SERVER_CERTIFICATE))
    allowed = authority.certificate.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees
    for host in wanted:
        if _constraint(host) not in (allowed or ()):
            known = ", ".join(str(its.value) for its in allowed or ())
            raise Refusal("bad_host", "--host", host, f"what the authority may sign for: {known}")
    names = x509.SubjectAlternativeName([_general_name(host) for host in wanted])
    subject = _name(next((host for host in wanted if host not in ALWAYS), wanted[0]))
    made = _issue(authority, subject, names, ExtendedKeyUsageOID.SERVER_AUTH, now, SERVER_DAYS)
    _write(home / SERVER_CERTIFICATE, home / SERVER_KEY, made)
    return made.certificate


def make_device_certificate(folder: Path, credential: str, out: Path, now: datetime) -> tuple[Path, Path]:
    """Make a certificate for the device of a credential, and write it with its key into a folder.

    Raises
    ------
    Refusal
        ``no_authority``.
    OSError
        When a file cannot be written, or is there already.
    """
    authority = read_authority(folder)
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(DEVICE_URI + credential)])
    made = _issue(authority, _name(credential), names, ExtendedKeyUsageOID.CLIENT_AUTH, now, DEVICE_DAYS)
    paths = out / f"{credential}.crt", out / f"{credential}.key"
    create_private(paths[1], _key_bytes(made.key))
    create_private(paths[0], made.certificate.public_bytes(Encoding.PEM))
    return paths


def fingerprint(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of a certificate as people compare it."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def _issue(
    authority: Pair,
    subject: x509.Name,
    names: x509.SubjectAlternativeName,
    purpose: x509.ObjectIdentifier,
    now: datetime,
    days: int,
) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    certificate = (
        _builder(subject, authority.certificate.subject, key, now, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(names, critical=False)
        .add_extension(issuer, critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    return Pair(certificate, key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(secrets.token_bytes(16)) >> 1)
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:_LONGEST_COMMON_NAME])])


def _hosts(given: Iterable[str]) -> list[str]:
    """Return each host once, in small letters, those of the machine itself last."""
    hosts = list(dict.fromkeys([*(host.strip().lower() for host in given), *ALWAYS]))
    if len(hosts) > MOST_HOSTS:
        raise Refusal("too_many", "--host", len(hosts), f"{MOST_HOSTS} at most")
    for host in hosts:
        _general_name(host)
    return hosts


def _general_name(host: str) -> x509.DNSName | x509.IPAddress:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        labels = host.split(".")
        is_name = len(host) <= LONGEST_ADDRESS and all(
            label and len(label) <= 63 and label.isascii() and label.replace("-", "a").isalnum() for label in labels
        )
        if not is_name:
            raise Refusal("bad_host", "--host", host, "a name such as dispatch.example, or an IP address") from None
        return x509.DNSName(host)


def _constraint(host: str) -> x509.DNSName | x509.IPAddress:
    try:
        return x509.IPAddress(ip_network(host))
    except ValueError:
        return x509.DNSName(host)


def _hosts_of(path: Path) -> list[str]:
    """Return whom the server's present certificate is for."""
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return []
    return [str(name.value) for name in names]


def _key_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(certificate: Path, key: Path, pair: Pair) -> None:
    """Write both, the key first: a certificate whose key is not there yet would be no use."""
    replace_private(key, _key_bytes(pair.key))
    replace_private(certificate, pair.certificate.public_bytes(Encoding.PEM))


def today() -> datetime:
    """Return the instant, to the second."""
    return datetime.now(UTC).replace(microsecond=0)
