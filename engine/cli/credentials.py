"""What ``allpoints device`` and ``allpoints user`` share: adding, revoking and listing a city's credentials."""

import argparse
import time
from pathlib import Path

from engine.model.errors import Refusal


def add_parser(
    subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    description: str,
    subject: str,
    default_role: str | None,
) -> argparse.ArgumentParser:
    """Describe ``add``, ``revoke`` and ``list``."""
    parser = subparsers.add_parser(name, help=description, description=description)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    adding = actions.add_parser("add", help="make a credential and print it, once · 新建凭据,只显示一次")
    adding.add_argument("folder", type=Path, help="the city's folder")
    adding.add_argument("subject", help=subject)
    usual = default_role or "what it is"
    adding.add_argument("--role", default=default_role, help=f"a role of roles.toml; default: {usual} · 角色")
    adding.add_argument("--device", default="", help="which device, for a subject that has several")
    revoking = actions.add_parser("revoke", help="make a credential void, at once · 立即作废")
    revoking.add_argument("folder", type=Path, help="the city's folder")
    revoking.add_argument("id", help="the credential's id, as listed")
    listing = actions.add_parser("list", help="list credentials, without their secrets · 列出")
    listing.add_argument("folder", type=Path, help="the city's folder")
    return parser


def city_folder(args: argparse.Namespace) -> Path:
    """Return the folder that is meant, if it is a city's.

    Raises
    ------
    Refusal
        ``not_a_city``.
    """
    folder: Path = args.folder
    if not (folder / "city.toml").is_file():
        raise Refusal("not_a_city", "folder", str(folder), "a folder that `allpoints init` made: it has a city.toml")
    return folder


def run(args: argparse.Namespace, *, devices: bool) -> int:
    """Add, revoke or list; ``devices`` says which of the two commands it is."""
    from engine.service.access import Access

    with Access(city_folder(args)) as access:
        if args.action == "add":
            print(access.add(args.role, args.subject, args.device))
            return 0
        if args.action == "revoke":
            if not access.revoke(args.id):
                raise Refusal("unknown_credential", "id", args.id, "a credential that is listed and not revoked")
            return 0
        for row in access.credentials():
            role = access.roles.get(row.role)
            if (role is not None and role.is_device) == devices:
                added = time.strftime("%Y-%m-%d %H:%M", time.localtime(row.added_at / 1000))
                state = "" if row.revoked_at is None else "revoked"
                print(f"{row.id}  {row.role:<16}  {row.subject:<20}  {row.device:<16}  {added}  {state}".rstrip())
    return 0
