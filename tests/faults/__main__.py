"""Live through seeds, each printed with its breaches and what went wrong in it: ``python -m tests.faults 1234``.

``--planted NAME`` puts a fault into the engine first; ``--count N`` goes on for so many seeds.
"""

import argparse
import time

from tests.faults.planted import PLANTED, planted
from tests.faults.world import World


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("seed", type=int)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--planted", choices=sorted(PLANTED), default="")
    said = parser.parse_args()
    begun, steps, failed = time.perf_counter(), 0, 0
    for seed in range(said.seed, said.seed + said.count):
        with planted(said.planted):
            world = World(seed)
            breaches = world.run()
        steps += world.schedule.steps
        failed += bool(breaches)
        if breaches or said.count == 1:
            print(f"seed {seed}: {world.schedule.steps} steps, {world.schedule.now_s:.1f} s")
            if said.count == 1:
                print("\n".join(world.history))
            print("\n".join(f"  BREACH {breach}" for breach in breaches[:6]))
    took_s = time.perf_counter() - begun
    print(
        f"{said.count} seeds, {failed} with a breach, {steps} steps, {took_s:.1f} s, {said.count / took_s:.1f} seeds/s"
    )


if __name__ == "__main__":
    main()
