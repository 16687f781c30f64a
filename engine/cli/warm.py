"""``allpoints warm``: compile the kernels, so that the first alert finds them compiled."""

import argparse
import time


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Describe the command."""
    description = "Compile all kernels into this machine's cache. 预编译计算内核。"
    return subparsers.add_parser("warm", help=description, description=description)


def run(args: argparse.Namespace) -> int:  # noqa: ARG001 - every command is called alike
    """Compile, and say how long it took."""
    from engine.service.warming import warm
    from geo_data.compiled import cache_folder

    begun = time.monotonic()
    warm()
    print(f"kernels are compiled in {cache_folder()} ({time.monotonic() - begun:.1f} s)")
    return 0
