"""``allpoints speeds``: close streets, change their speed, see which travel times are in force, learn from trips."""

import argparse

from engine.cli.speeds import learning, rules
from engine.texts import LANGUAGES

ACTIONS = {**rules.ACTIONS, **learning.ACTIONS}
"""What each action does, by its name."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Describe the command."""
    description = (
        "Close streets or change their speed in a running server; learn speeds from trips. "
        "封控道路、调整通行速度、由行程学习速度。"
    )
    parser = subparsers.add_parser("speeds", help=description, description=description)
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="language of what is said")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    rules.add_actions(actions)
    learning.add_actions(actions)
    return parser


def run(args: argparse.Namespace) -> int:
    """Do it."""
    return ACTIONS[args.action](args)
