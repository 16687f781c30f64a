"""``allpoints terminal``: the text screen of a unit or a station, on any machine that reaches the server."""

import argparse
import os
from pathlib import Path
from typing import Any

from engine.cli.calling import TIMEOUT_S, add_target, address_of, kept_credentials, trust_of
from engine.model.errors import NotStored, Refusal
from engine.texts import LANGUAGES


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Describe the command."""
    description = "The text screen of a unit or a station. 警组、派出所的文本终端。"
    parser = subparsers.add_parser("terminal", help=description, description=description)
    add_target(parser)
    parser.add_argument("--as", dest="subject", metavar="ID", help="whose, out of the folder's credentials.csv")
    parser.add_argument("--state", type=Path, metavar="FILE", help="what is kept over a restart; default: nothing")
    parser.add_argument("--lang", choices=LANGUAGES, default="zh", help="language it begins in")
    return parser


def run(args: argparse.Namespace) -> int:
    """Show the screen until it is left."""
    import ssl

    import httpx

    from engine.terminal import Client
    from engine.terminal.exchange import Exchange
    from engine.terminal.screen import TerminalScreen

    address, trusted = address_of(args.target), trust_of(args)
    try:
        answer = httpx.get(f"{address}/v1/bootstrap", timeout=TIMEOUT_S, verify=trusted, trust_env=False)
        answer.raise_for_status()
        said: dict[str, Any] = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise NotStored(f"{address} does not answer ({type(error).__name__}); is `allpoints serve` running?") from None
    context = trusted if isinstance(trusted, ssl.SSLContext) else None
    client = Client(
        said["stream_url"],
        Exchange(address, _credential(args), ssl=context),
        ssl=context,
        state_path=args.state,
    )
    screen = TerminalScreen(client, said["alert_types"], args.lang)
    screen.run()
    if screen.ended is not None:
        raise Refusal(screen.ended.reason, "credential", "", "what `allpoints device add` printed, not revoked")
    return 0


def _credential(args: argparse.Namespace) -> str:
    """Return whose terminal this is: named, of the environment, or of a subject in the folder's ``credentials.csv``."""
    given = args.credential or os.environ.get("ALLPOINTS_CREDENTIAL")
    if given:
        return str(given)
    rows = kept_credentials(args.target)
    for row in rows:
        if args.subject is not None and row.get("subject") == args.subject:
            return row.get("credential") or ""
    known = ", ".join(row.get("subject") or "" for row in rows[:8])
    raise Refusal(
        "no_credential", "--as", args.subject, f"--credential, ALLPOINTS_CREDENTIAL, or one of {known or 'none'} …"
    )
