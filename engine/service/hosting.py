"""What a server wants of the system that it runs on: files, a port to listen on, and to be told when to end."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Iterator

from engine.model.errors import Refusal

LOGGER = logging.getLogger("allpoints.server")


def make_room(files: int) -> int:
    """Let this process open so many files, or as many as the system lets it; return how many.

    A connection is a file, and what a process may open by itself is often 1,024. Fewer than wanted is logged: the
    server runs, and says before the rush how many it can hold.
    """
    try:
        import resource  # noqa: PLC0415 - not everywhere
    except ImportError:  # Windows has no such limit
        return files
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = files if hard == resource.RLIM_INFINITY else min(files, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    may = files if soft == resource.RLIM_INFINITY else soft
    if may < files:
        LOGGER.warning("few_files", extra={"files": may, "wanted": files})
    return may


def bound(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Raises
    ------
    OSError
        When the address cannot be listened on; says which.
    """
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(where)
        listening.listen(1024)
    except OSError as error:
        raise Refusal("cannot_listen", "address", f"{host}:{port}", error.strerror or error) from error
    listening.setblocking(False)
    return listening


@contextlib.contextmanager
def signals(stop: asyncio.Event) -> Iterator[None]:
    """Set ``stop`` on the first Ctrl-C or SIGTERM; the second acts as if we were not here."""
    loop = asyncio.get_running_loop()
    names = (signal.SIGINT, signal.SIGTERM)

    def first() -> None:
        stop.set()
        for name in names:
            loop.remove_signal_handler(name)

    for name in names:
        loop.add_signal_handler(name, first)
    try:
        yield
    finally:
        for name in names:
            loop.remove_signal_handler(name)
