"""The server of a demonstration: ``allpoints serve`` in a process of its own, started, killed and started again.

Its log goes to a file in the folder. It runs on a virtual clock and tells how long deciding and storing took.
"""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import msgspec

from engine.service.address import Address

LOG = "server.log"
_READY_S = 180.0
_STOP_S = 30.0
_LAST_LINES = 12


class ServerFailed(RuntimeError):
    """The server's process did not come up, or has gone; says its last words."""


class ServerProcess:
    """One city's server.

    Parameters
    ----------
    folder
        The city's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address: Address | None = None
        self.up = asyncio.Event()
        """Set while it runs, as far as we know; cleared by `kill`."""
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Where the stream is."""
        assert self.address is not None
        return self.address.stream

    @property
    def http(self) -> str:
        """Where HTTP is."""
        assert self.address is not None
        return self.address.http

    async def start(self, now: int) -> None:
        """Start it, on the ports it had before if it ran before, and wait until it takes alerts.

        Parameters
        ----------
        now
            Where its virtual clock begins, ms since the epoch.

        Raises
        ------
        ServerFailed
            When it ends, or is not ready within three minutes.
        """
        http, stream = ("0", "0") if self.address is None else (_port(self.address.http), _port(self.address.stream))
        command = [sys.executable, "-m", "engine.cli.main", "serve", str(self.folder), "--host", "127.0.0.1"]
        command += ["--http-port", http, "--stream-port", stream, "--clock", "virtual", "--now", str(now), "--trace"]
        with (self.folder / LOG).open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command, stdout=asyncio.subprocess.PIPE, stderr=log, stdin=asyncio.subprocess.DEVNULL
            )
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(_READY_S):
                line = await self._process.stdout.readline()
        except TimeoutError:
            self.kill()
            raise self.failed(f"was not ready after {_READY_S:.0f} s") from None
        if not line:
            raise self.failed(f"ended with status {await self._process.wait()}")
        self.address = msgspec.json.decode(line, type=Address)
        self.up.set()

    def kill(self) -> None:
        """Kill it as a crash would: no last word, nothing stored any more."""
        self.up.clear()
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)

    async def gone(self) -> int:
        """Wait until the process has ended, and return its status."""
        assert self._process is not None
        return await self._process.wait()

    async def stop(self) -> None:
        """End it in good order: what waits is stored."""
        if self._process is None or self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(_STOP_S):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()

    def failed(self, what: str) -> ServerFailed:
        """Return an error that says what the server did, and how its log ends."""
        lines = (self.folder / LOG).read_text("utf-8", errors="replace").splitlines()[-_LAST_LINES:]
        return ServerFailed(os.linesep.join([f"the server {what}; its log ends with:", *lines]))


def _port(url: str) -> str:
    return url.rpartition(":")[2].partition("/")[0]
