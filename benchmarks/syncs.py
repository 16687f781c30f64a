"""How long the disk itself takes to sync, beside whatever is measured: what a commit cannot be quicker than.

A thread of its own writes one block over a file that is there already, syncs it, waits, and so on. On a shared machine
some of these take a hundred times as long as the others, and so do the commits of those instants.
"""

import os
import threading
import time
from pathlib import Path
from typing import Self

import numpy as np

EVERY_S = 0.02
_BLOCK, _BLOCKS = 4_096, 64


class Syncs:
    """Syncs a file of its own in a folder, from entering to leaving."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "syncs"
        self._took_ms: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="syncs", daemon=True)

    def __enter__(self) -> Self:
        self._path.write_bytes(bytes(_BLOCK * _BLOCKS))
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._over.set()
        self._thread.join()
        self._path.unlink()

    def taken(self) -> dict[str, float]:
        """Return the figures of what was synced since this was asked last, in ms, and forget them."""
        took, self._took_ms = self._took_ms, []
        if not took:
            return {}
        names = {"disk_p50_ms": 50.0, "disk_p99_ms": 99.0, "disk_max_ms": 100.0}
        return {name: round(float(np.percentile(took, share)), 3) for name, share in names.items()}

    def _run(self) -> None:
        handle = os.open(self._path, os.O_WRONLY)
        number = 0
        try:
            os.fsync(handle)
            while not self._over.wait(EVERY_S):
                begun = time.monotonic()
                os.pwrite(handle, bytes(_BLOCK), number % _BLOCKS * _BLOCK)
                os.fdatasync(handle)
                self._took_ms.append((time.monotonic() - begun) * 1e3)
                number += 1
        finally:
            os.close(handle)
