"""``allpoints device``: the terminals of units and stations."""

import argparse

from engine.cli import credentials
from engine.model.errors import Refusal

USUAL = {"unit": "terminal", "station": "station"}
"""The role of a terminal by whose it is."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Describe the command."""
    description = "Terminals of units and stations: each has a credential of its own. 警组与派出所的终端凭据。"
    return credentials.add_parser(subparsers, "device", description, "the unit's or station's id", None)


def run(args: argparse.Namespace) -> int:
    """Add, revoke or list; a credential is only made for a unit or station that the city has."""
    if args.action == "add":
        from engine.core.city_folder import recipients
        from engine.service.roles import Roles

        folder = credentials.city_folder(args)
        kind = recipients(folder).get(args.subject)
        if kind is None:
            raise Refusal("unknown_recipient", "subject", args.subject, "a unit or station of this city")
        args.role = args.role or USUAL[kind]
        role = Roles.of(folder).get(args.role)
        if role is not None and role.speaks_for != kind:
            raise Refusal("wrong_role", "role", args.role, f"{args.subject} is a {kind}")
    return credentials.run(args, devices=True)
