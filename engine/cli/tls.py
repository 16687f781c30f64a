"""``allpoints tls``: an authority of one's own, the server's certificate, and certificates for devices."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.credentials import city_folder
from engine.model.errors import Refusal

if TYPE_CHECKING:
    from cryptography import x509


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Describe the command."""
    description = "Encrypt both listeners by an authority of the city's own. 用本市自建的证书机构加密两个监听端口。"
    parser = subparsers.add_parser("tls", help=description, description=description)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    making = actions.add_parser("init", help="make authority and server certificate · 建立证书机构和服务证书")
    making.add_argument("folder", type=Path, help="the city's folder")
    making.add_argument("--host", action="append", default=[], help="a name or address of the server; again for more")
    making.add_argument("--force", action="store_true", help="replace an authority that is there · 替换已有的")
    renewing = actions.add_parser("renew", help="renew the server's certificate; a running server takes it up · 续期")
    renewing.add_argument("folder", type=Path, help="the city's folder")
    renewing.add_argument("--host", action="append", default=[], help="default: those of the present one")
    device = actions.add_parser("device", help="make a certificate for a device · 为设备签发证书")
    device.add_argument("folder", type=Path, help="the city's folder")
    device.add_argument("credential", help="the credential's id, as `allpoints device list` shows it")
    device.add_argument("--out", type=Path, default=Path(), help="where to put certificate and key; default: here")
    showing = actions.add_parser("show", help="show fingerprint and dates · 查看指纹和期限")
    showing.add_argument("folder", type=Path, help="the city's folder")
    return parser


def run(args: argparse.Namespace) -> int:
    """Make, renew or show."""
    from engine.core.city_folder import load_settings
    from engine.core.city_toml import SERVER_CERTIFICATE, TLS
    from engine.service import authority

    folder = city_folder(args)
    load_settings(folder)
    if args.action == "init":
        authority.make_authority(folder, _name(folder), args.host, authority.today(), force=args.force)
        authority.make_server_certificate(folder, args.host, authority.today())
    elif args.action == "renew":
        authority.make_server_certificate(folder, args.host, authority.today())
    elif args.action == "device":
        return _device(args, folder)
    made = authority.read_authority(folder).certificate
    print(f"authority: {folder / TLS}, until {made.not_valid_after_utc:%Y-%m-%d}")
    print(f"SHA-256:   {authority.fingerprint(made)}")
    _say_server(folder / TLS / SERVER_CERTIFICATE)
    if args.action == "init":
        print("next: allpoints serve; devices open https://HOST:PORT/install, compare the fingerprint, and install it")
    return 0


def _name(folder: Path) -> str:
    import tomllib

    return str(tomllib.loads((folder / "city.toml").read_text("utf-8"))["name"])


def _say_server(path: Path) -> None:
    from cryptography import x509

    server = x509.load_pem_x509_certificate(path.read_bytes())
    print(f"server:    {', '.join(_hosts(server))}, until {server.not_valid_after_utc:%Y-%m-%d}")


def _hosts(certificate: "x509.Certificate") -> list[str]:
    from cryptography import x509

    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(name.value) for name in names]


def _device(args: argparse.Namespace, folder: Path) -> int:
    """Make a certificate for a credential that lets a device in."""
    from engine.service import authority
    from engine.service.access import Access

    with Access(folder) as access:
        if args.credential not in {row.id for row in access.credentials() if row.revoked_at is None}:
            raise Refusal("unknown_credential", "credential", args.credential, "one that is listed and not revoked")
    args.out.mkdir(parents=True, exist_ok=True)
    for path in authority.make_device_certificate(folder, args.credential, args.out, authority.today()):
        print(path)
    return 0
