"""``allpoints user``: the people at the desk and in the offices, and the programs that report alerts."""

import argparse

from engine.cli import credentials
from engine.model.errors import Refusal

USUAL = "dispatcher"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Describe the command."""
    description = "The desk, approvers, who is told, sources of alerts. 调度员、审批岗位与接入程序的凭据。"
    return credentials.add_parser(subparsers, "user", description, "a name for the person or program", USUAL)


def run(args: argparse.Namespace) -> int:
    """Add, revoke or list."""
    if args.action == "add":
        from engine.service.roles import Roles

        role = Roles.of(credentials.city_folder(args)).get(args.role)
        if role is not None and role.is_device:
            raise Refusal("wrong_role", "role", role.id, "one of people or programs; `allpoints device` has the others")
    return credentials.run(args, devices=False)
