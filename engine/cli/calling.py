"""Speaking to a running server from the command line: where it is, with which credential, what its answers mean."""

import argparse
import csv
import functools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.model.errors import NotStored, Refusal

if TYPE_CHECKING:
    from engine.terminal.exchange import Exchange

TIMEOUT_S = 10.0


def add_target(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments that say which server is meant, and who speaks."""
    parser.add_argument("target", help="the city's folder, or the server's address such as http://127.0.0.1:8460")
    parser.add_argument("--credential", help="default: ALLPOINTS_CREDENTIAL, then the folder's credentials.csv")
    parser.add_argument("--ca", type=Path, help="authority to trust; default: the folder's own, then the system's")


def position(given: str) -> tuple[float, float]:
    """Read ``LON,LAT``; bounds are the server's to judge, which knows the city."""
    lon, _, lat = given.partition(",")
    try:
        return float(lon), float(lat)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{given!r} is not LON,LAT in degrees, such as 112.98,36.54") from None


def call(
    args: argparse.Namespace,
    method: str,
    path: str,
    roles: Sequence[str],
    *,
    body: Any = None,
    params: dict[str, str] | None = None,
) -> Any:
    """Have the server do something and return its answer.

    Parameters
    ----------
    args
        With what `add_target` describes.
    roles
        Whose credential out of the folder's ``credentials.csv`` may do it, best first.

    Raises
    ------
    Refusal
        What the server did not take, as it said it.
    NotStored
        When it does not answer, or cannot do it now.
    """
    import httpx

    from engine.terminal.exchange import NotLetIn

    address = address_of(args.target)
    credential = args.credential or os.environ.get("ALLPOINTS_CREDENTIAL") or _credential(args.target, roles)
    if not credential:
        raise Refusal(
            "no_credential", "credential", "", "--credential, ALLPOINTS_CREDENTIAL, or a folder with credentials.csv"
        )
    try:
        answer = httpx.request(
            method,
            address + path,
            params=params,
            json=body,
            auth=_exchange(address, credential),
            timeout=TIMEOUT_S,
            verify=trust_of(args),
            trust_env=False,
        )
        said = answer.json()
    except httpx.HTTPError as error:
        raise NotStored(f"{address} does not answer ({type(error).__name__}); is `allpoints serve` running?") from None
    except NotLetIn as refused:
        raise Refusal(refused.code, "authorization", "", "what `allpoints user add` printed, not revoked") from None
    except ConnectionError as error:
        raise NotStored(str(error)) from None
    except ValueError:
        raise NotStored(f"{address} answers, but not as Allpoints does (status {answer.status_code})") from None
    if answer.status_code == 503:
        raise NotStored(f"not stored ({said.get('code')}): {said.get('limit')}; nothing has happened, try again")
    if answer.is_error:
        refusal = Refusal(str(said.get("code")), str(said.get("field")), "", said.get("limit"))
        refusal.args = (f"{refusal.field}: {said.get('value')} is not taken ({refusal.code}); limit: {refusal.limit}",)
        raise refusal
    return said


def names_of(args: argparse.Namespace, roles: Sequence[str], language: str) -> dict[str, str]:
    """Return what the server's city calls types, capabilities, equipment and ranks."""
    from engine.texts.names import names_in

    return names_in(call(args, "GET", "/v1/bootstrap", roles), language)


@functools.cache
def _exchange(address: str, credential: str) -> "Exchange":
    """Return what shows a token: one for all calls of a command, since tokens are given so often and no more."""
    from engine.terminal.exchange import Exchange

    return Exchange(address, credential)


def trust_of(args: argparse.Namespace) -> Any:
    """Return whom to trust: who is named, the folder's own authority, or those of the system."""
    import ssl

    from engine.core.city_toml import AUTHORITY, TLS

    own = Path(args.target) / TLS / AUTHORITY
    certificate: Path | None = args.ca or (own if own.is_file() else None)
    return ssl.create_default_context(cafile=certificate) if certificate is not None else True


def address_of(target: str) -> str:
    """Return the server's address: given, or where the folder's running server says it is."""
    if target.startswith(("http://", "https://")):
        return target.rstrip("/")
    from engine.service.address import read_address

    return read_address(Path(target)).http


def kept_credentials(target: str) -> list[dict[str, str]]:
    """Return the rows of a folder's ``credentials.csv``; none without one, or where an address is given."""
    path = Path(target) / "credentials.csv"
    if target.startswith(("http://", "https://")) or not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _credential(target: str, roles: Sequence[str]) -> str:
    """Return a kept credential of one of some roles; empty without one."""
    rows = kept_credentials(target)
    of_role = (row for role in roles for row in rows if row.get("role") == role)
    return next(of_role, {}).get("credential") or ""
