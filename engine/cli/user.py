"""``allpoints user``: the people at the desk, and the programs that report alerts."""

import argparse

from engine.cli import tokens

ROLES = ("dispatcher", "office", "integration", "observer", "administrator")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Describe the command."""
    description = "The desk, approvers, who is told, sources of alerts. 调度员、审批岗位与接入程序的令牌。"
    return tokens.add_parser(subparsers, "user", description, "a name for the person or program", ROLES, ROLES[0])


def run(args: argparse.Namespace) -> int:
    """Add, revoke or list."""
    return tokens.run(args, ROLES)
