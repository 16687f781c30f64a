"""A process is killed while it appends: what it said was stored is there, whole, in order, and goes on.

A kill proves no disk. That nothing is said before the disk has it is shown by watching the system calls where strace is
at hand, and by `test_recording` for the order of commit and release.
"""

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.journal.samples import AT

APPENDER = """
import os, sys
from pathlib import Path
from tests.journal.conftest import Desk
from tests.journal.samples import call
desk = Desk(Path(sys.argv[1]))
desk.reopen(synchronous=sys.argv[3])
number = desk.journal.last_seq // 6
for number in range(number + 1, number + 1 + int(sys.argv[2])):
    desk.journal.append(call(number, desk.journal.last_seq))
    os.write(1, b"%d\\n" % desk.journal.last_seq)
"""
ROOT = Path(__file__).parent.parent.parent


def start(folder, calls, *before, synchronous="FULL"):
    return subprocess.Popen(
        [*before, sys.executable, "-c", APPENDER, str(folder), str(calls), synchronous],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


@pytest.mark.parametrize("seed", range(2))
def test_what_was_acknowledged_before_a_kill_is_there_after_it(desk, seed):
    chance = random.Random(seed)
    acknowledged = 0
    for _ in range(2):
        desk.close()
        process = start(desk.folder, 100_000)
        for _ in range(chance.randrange(1, 400)):
            acknowledged = int(process.stdout.readline())
        process.kill()
        rest = process.stdout.read().split()
        process.wait(30)
        process.stdout.close()
        acknowledged = int(rest[-1]) if rest else acknowledged
        journal = desk.open()
        assert acknowledged <= journal.last_seq <= acknowledged + 6
        assert journal.last_seq % 6 == 0
        assert [each.seq for each in journal.read()] == list(range(1, journal.last_seq + 1))
        report = journal.verify()
        assert report.ok
        assert report.personal["present"] == journal.last_seq // 6
        acknowledged = journal.last_seq
    journal.erase("sx-alert-1", at=AT)
    assert journal.verify().personal["erased"] == 1


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize(("synchronous", "kept"), [("FULL", True), ("OFF", False)])
def test_the_log_is_synced_before_each_acknowledgement(desk, synchronous, kept):
    desk.close()
    trace = desk.folder / "trace"
    watch = ("strace", "-f", "-y", "-e", "trace=fdatasync,fsync,write,pwrite64", "-o", str(trace))
    process = start(desk.folder, 20, *watch, synchronous=synchronous)
    out, _ = process.communicate(timeout=60)
    assert len(out.split()) == 20
    written = synced = False
    promises = []
    for line in trace.read_text("utf-8", "replace").splitlines():
        if "journal.sqlite-wal" in line:
            written, synced = (written, True) if "sync(" in line else (True, False)
        elif " write(1<" in line:
            promises.append(written and synced)
            written = synced = False
    assert promises == [kept] * 20
    desk.open()
