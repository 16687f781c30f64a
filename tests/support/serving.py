"""The real server in a process of its own, on loopback, with ports that the system chooses."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx

from engine.terminal import Client, Exchange

START_S = 90.0
END_S = 20.0


class Served:
    """A server that is ready. Its log is the file ``server.log`` in the city's folder."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        command = [sys.executable, "-m", "engine.cli.main", "serve", str(folder), "--port", "0", *arguments]
        self._log = (folder / "server.log").open("ab")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._log, start_new_session=True)
        try:
            address = json.loads(self._first_line())
        except BaseException:
            self.kill()
            raise
        self.http, self.stream = address["http"], address["stream"]
        self.jt808 = address.get("jt808", "")
        assert address["pid"] == self.process.pid

    def _first_line(self) -> bytes:
        """Return the line that says where it listens; fails with the log when there is none."""
        output = self.process.stdout
        assert output is not None
        ready, _, _ = select.select([output], [], [], START_S)
        line = output.readline() if ready else b""
        assert line, f"the server did not start: {self.log()}"
        return line

    def log(self) -> str:
        return (self.folder / "server.log").read_text()

    def client(self, credential: str = "") -> httpx.Client:
        auth = Exchange(self.http, credential) if credential else None
        return httpx.Client(base_url=self.http, auth=auth, timeout=20.0, trust_env=False)

    def terminal(self, credential: str, **more) -> Client:
        return Client(self.stream, Exchange(self.http, credential), **more)

    def terminate(self, name: signal.Signals = signal.SIGTERM) -> int:
        """End it cleanly and return its exit status."""
        self.process.send_signal(name)
        status = self.process.wait(END_S)
        self._close()
        return status

    def kill(self) -> None:
        """End it as a power cut would, without a word."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(END_S)
        self._close()

    def _close(self) -> None:
        self._log.close()
        if self.process.stdout is not None:
            self.process.stdout.close()


@contextlib.contextmanager
def served(folder: Path, *arguments: str) -> Iterator[Served]:
    """Run a server, and see to it that it has ended afterwards."""
    server = Served(folder, *arguments)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.kill()
        else:
            server._close()
