"""``allpoints speeds``: close streets, change their speed, see which travel times are in force."""

import argparse

from engine.cli.speeds import rules
from engine.texts import LANGUAGES

ACTIONS = {**rules.ACTIONS}
"""What each action does, by its name."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Describe the command."""
    description = "Close streets or change their speed in a running server. 封控道路、调整通行速度。"
    parser = subparsers.add_parser("speeds", help=description, description=description)
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="language of what is said")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    rules.add_actions(actions)
    return parser


def run(args: argparse.Namespace) -> int:
    """Do it."""
    return ACTIONS[args.action](args)
