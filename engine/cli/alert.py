"""``allpoints alert``: report one alert to a running server, and read who goes, when they are there, and why."""

import argparse
import csv
import os
import secrets
from pathlib import Path
from typing import Any

from engine.model.errors import NotStored, Refusal
from engine.texts import LANGUAGES, duration, text

TIMEOUT_S = 10.0


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Describe the command."""
    description = "Report an alert to a running server. 向运行中的服务录入一条报警。"
    parser = subparsers.add_parser("alert", help=description, description=description)
    parser.add_argument("target", help="the city's folder, or the server's address such as http://127.0.0.1:8460")
    parser.add_argument("--type", required=True, help="the incident type: the id of a run card")
    parser.add_argument("--at", required=True, metavar="LON,LAT", type=_position, help="degrees, longitude first")
    parser.add_argument("--datum", choices=("wgs84", "gcj02", "bd09"), default="wgs84", help="what --at is given in")
    parser.add_argument("--level", type=int, choices=(1, 2, 3, 4), help="where it differs from the run card's")
    parser.add_argument("--text", default="", help="what was said")
    parser.add_argument("--caller", default="", help="who called")
    parser.add_argument("--phone", default="", help="the number to call back")
    parser.add_argument("--address", default="", help="the place in words")
    parser.add_argument("--ref", help="the source's own number; the same again gives the first answer again")
    parser.add_argument("--exercise", action="store_true", help="an exercise, not a real alert · 演练")
    parser.add_argument("--token", help="default: ALLPOINTS_TOKEN, then the folder's tokens.csv")
    parser.add_argument("--ca", type=Path, help="certificate to trust, for a server with one of its own making")
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="language of the reasons")
    parser.add_argument("--json", action="store_true", help="print the server's answer as it is")
    return parser


def _position(given: str) -> tuple[float, float]:
    """Read ``LON,LAT``; bounds are the server's to judge, which knows the city."""
    lon, _, lat = given.partition(",")
    try:
        return float(lon), float(lat)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{given!r} is not LON,LAT in degrees, such as 112.98,36.54") from None


def run(args: argparse.Namespace) -> int:
    """Post the alert and print what came of it."""
    import httpx

    address, token = _address(args.target), args.token or os.environ.get("ALLPOINTS_TOKEN") or _token(args.target)
    if not token:
        raise Refusal("no_token", "token", "", "--token, ALLPOINTS_TOKEN, or a folder with a tokens.csv")
    body = {
        "source_ref": args.ref or f"cli-{secrets.token_hex(8)}",
        "type": args.type,
        "lon": args.at[0],
        "lat": args.at[1],
        "datum": args.datum,
        "details": {name: getattr(args, name) for name in ("text", "caller", "phone", "address")},
        "exercise": args.exercise,
    }
    if args.level is not None:
        body["level"] = args.level
    try:
        answer = httpx.post(
            f"{address}/v1/alerts",
            params={"lang": args.lang},
            json=body,
            headers={"Authorization": f"Bearer {token}"},
            timeout=TIMEOUT_S,
            verify=_trust(args.ca),
            trust_env=False,
        )
        said: dict[str, Any] = answer.json()
    except httpx.HTTPError as error:
        raise NotStored(f"{address} does not answer ({type(error).__name__}); is `allpoints serve` running?") from None
    except ValueError:
        raise NotStored(f"{address} answers, but not as Allpoints does (status {answer.status_code})") from None
    if answer.status_code == 503:
        raise NotStored(f"not stored ({said.get('code')}): {said.get('limit')}; nothing has happened, try again")
    if answer.is_error:
        refusal = Refusal(str(said.get("code")), str(said.get("field")), "", said.get("limit"))
        refusal.args = (f"{refusal.field}: {said.get('value')} is not taken ({refusal.code}); limit: {refusal.limit}",)
        raise refusal
    if args.json:
        print(answer.text)
    else:
        _print(said, args.lang)
    return 0


def _trust(certificate: Path | None) -> Any:
    import ssl

    return ssl.create_default_context(cafile=certificate) if certificate is not None else True


def _print(said: dict[str, Any], language: str) -> None:
    """Print the orders, then the reasons."""
    print(text("alert.taken", language, incident=said["incident"], alert=said["alert"]))
    for order in said.get("orders", ()):
        values = {
            "order": order["id"],
            "recipient": order["recipient"],
            "capability": order["capability"],
            "state": text(f"order_state.{order['state']}", language),
        }
        if order.get("eta_ms") is None:
            print(text("alert.order", language, **values))
        else:
            print(text("alert.order_eta", language, eta=duration(order["eta_ms"]), **values))
    for recommendation in said.get("recommendations", ()):
        print()
        for line in recommendation["said"]:
            print(f"  {line}")


def _address(target: str) -> str:
    """Return the server's address: given, or where the folder's running server says it is."""
    if target.startswith(("http://", "https://")):
        return target.rstrip("/")
    from engine.service.address import read_address

    return read_address(Path(target)).http


def _token(target: str) -> str:
    """Return a token out of the folder's ``tokens.csv`` whose role may report alerts; empty without one."""
    path = Path(target) / "tokens.csv"
    if target.startswith(("http://", "https://")) or not path.is_file():
        return ""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for role in ("integration", "dispatcher"):
        for row in rows:
            if row.get("role") == role:
                return row.get("token") or ""
    return ""
