"""``allpoints device``: the terminals of units and stations."""

import argparse

from engine.cli import tokens
from engine.model.errors import Refusal

ROLES = ("terminal", "station")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Describe the command."""
    description = "Terminals of units and stations: each has a token of its own. 警组与派出所的终端令牌。"
    return tokens.add_parser(subparsers, "device", description, "the unit's or station's id", ROLES, None)


def run(args: argparse.Namespace) -> int:
    """Add, revoke or list; a token is only made for a unit or station that the city has."""
    if args.action == "add":
        from engine.core.city_folder import recipients

        kinds = {"unit": "terminal", "station": "station"}
        known = recipients(args.folder)
        if args.subject not in known:
            raise Refusal("unknown_recipient", "subject", args.subject, "a unit or station of this city")
        if args.role is None:
            args.role = kinds[known[args.subject]]
        elif args.role != kinds[known[args.subject]]:
            raise Refusal("wrong_role", "role", args.role, f"{args.subject} is a {known[args.subject]}")
    return tokens.run(args, ROLES)
