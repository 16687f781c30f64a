"""Where a city's running server listens: a small file in the folder, there only while the server runs.

With port 0 the system chooses, so whoever starts a server reads the same lines from its standard output.
"""

from pathlib import Path

import msgspec

from engine.core.city_folder import RECORD, load_settings

STREAM_PATH = "/v1/stream"
_FILE = "address.json"


class Address(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The listeners, as a client on this machine reaches them; ``jt808`` where terminals are let in."""

    http: str
    stream: str
    pid: int
    jt808: str | None = None


def write_address(folder: Path, address: Address) -> None:
    """Say where the server listens."""
    path = folder / RECORD / _FILE
    draft = path.with_suffix(".new")
    draft.write_bytes(msgspec.json.encode(address))
    draft.replace(path)


def remove_address(folder: Path) -> None:
    """Say that it does not listen any more."""
    (folder / RECORD / _FILE).unlink(missing_ok=True)


def is_served(folder: Path) -> bool:
    """Tell whether a server says that it listens; one that was killed has left that behind."""
    return (folder / RECORD / _FILE).is_file()


def read_address(folder: Path) -> Address:
    """Return where the folder's server listens, or would listen by ``city.toml``.

    Raises
    ------
    CityError
        When the folder has no usable ``city.toml``.
    """
    try:
        return msgspec.json.decode((folder / RECORD / _FILE).read_bytes(), type=Address)
    except (OSError, msgspec.DecodeError):
        settings = load_settings(folder)
    secure = "s" if settings.certificate is not None else ""
    return Address(
        http=f"http{secure}://{reachable(settings.http.host)}:{settings.http.port}",
        stream=f"ws{secure}://{reachable(settings.stream.host)}:{settings.stream.port}{STREAM_PATH}",
        pid=0,
    )


def reachable(host: str) -> str:
    """Return a host that a client can name, for a listener that may listen everywhere."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
