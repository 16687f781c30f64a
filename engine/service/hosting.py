"""What a server wants of the system that it runs on: a port to listen on, and to be told when to end."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator

from engine.model.errors import Refusal


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
