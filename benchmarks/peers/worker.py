"""One peer in a process of its own: takes questions from its standard input, answers on its standard output.

Each is one pickle: ``(method, arguments)`` there, ``("done", seconds, result)`` or ``("absent" or "failed", text)``
back. What the peer itself prints goes to standard error. ``race`` asks for several incidents in a row and times each;
it stops early once a time is up. ``version`` asks for that of an installed package.
"""

import importlib
import importlib.metadata
import os
import pickle
import sys
import time
import traceback
from typing import Any

from benchmarks.peers.course import Absent, Peer, Ranked


def race(peer: Peer, incidents: list[int], k: int, most_s: float) -> tuple[list[float], list[Ranked]]:
    """Return the seconds of each question and its answer; no more questions after ``most_s``."""
    spent: list[float] = []
    found: list[Ranked] = []
    for i in incidents:
        if sum(spent) > most_s:
            break
        begun = time.perf_counter()
        ranked = peer.nearest(i, k)
        spent.append(time.perf_counter() - begun)
        found.append(ranked)
    return spent, found


def main() -> None:
    """Serve one peer until the input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    module, _, name = sys.argv[1].partition(":")
    peer: Any = None
    while True:
        try:
            method, arguments = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        answer: tuple[Any, ...]
        try:
            if peer is None:
                peer = getattr(importlib.import_module(f"benchmarks.peers.{module}"), name)()
            begun = time.perf_counter()
            if method == "version":
                result: Any = importlib.metadata.version(*arguments)
            elif method == "race":
                result = race(peer, *arguments)
            else:
                result = getattr(peer, method)(*arguments)
            answer = "done", time.perf_counter() - begun, result
        except Absent as reason:
            answer = "absent", str(reason)
        except Exception as error:  # noqa: BLE001 - whatever it is, the asking side reports it
            traceback.print_exc()
            answer = "failed", f"{type(error).__name__}: {error}"
        pickle.dump(answer, answers, protocol=4)
        answers.flush()


if __name__ == "__main__":
    main()
