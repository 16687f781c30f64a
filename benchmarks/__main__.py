"""All benchmarks, one after another: ``python -m benchmarks [--seed N] [--quick]`` fills ``benchmarks/results/``.

Each runs in a process of its own, so that none warms or burdens another. Where a benchmark has a function
``plot(document, folder)``, its picture is drawn there too.
"""

import argparse
import importlib
import json
import subprocess
import sys
from pathlib import Path

from benchmarks.harness import ROOT, say

HERE = Path(__file__).resolve().parent
NOT_QUESTIONS = {
    "__init__",
    "__main__",
    "beside",
    "crowd",
    "crowd_course",
    "crowd_lines",
    "crowd_record",
    "exact_seal",
    "footprint",
    "graphs",
    "harness",
    "pictures",
    "race",
    "served",
    "sizes",
    "stand",
    "streets",
}


def questions() -> list[str]:
    """Return the names of all benchmarks."""
    return sorted(path.stem for path in HERE.glob("*.py") if path.stem not in NOT_QUESTIONS)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Run all benchmarks.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true")
    chosen = parser.parse_args()
    folder = HERE / "results"
    folder.mkdir(exist_ok=True)
    failed = []
    for name in questions():
        say(f"== {name}")
        target = folder / f"{name}.json"
        command = [sys.executable, "-m", f"benchmarks.{name}", "--json", str(target), "--seed", str(chosen.seed)]
        if subprocess.run([*command, *(["--quick"] if chosen.quick else [])], cwd=ROOT, check=False).returncode:
            failed.append(name)
        if target.exists():
            plot = getattr(importlib.import_module(f"benchmarks.{name}"), "plot", None)
            if plot is not None:
                plot(json.loads(target.read_text(encoding="utf-8")), folder)
    say(f"failed: {', '.join(failed)}" if failed else "all held")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
