"""Checks that a wheel holds the packages ``engine`` and ``geo_data`` whole, and nothing else.

Run by ``.ci/run`` as ``python tests/packaging/check_wheel.py WHEEL``.
"""

import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("engine", "geo_data")
SHIPPED = (".py", ".toml", ".csv", ".typed")


def expected() -> set[str]:
    """Return the files of the checkout that a wheel must hold."""
    files = (path for package in PACKAGES for path in (ROOT / package).rglob("*"))
    return {path.relative_to(ROOT).as_posix() for path in files if path.suffix in SHIPPED or path.name == "py.typed"}


def main(wheel: str) -> int:
    """Compare, say what differs, and return the exit status."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    found = {name for name in names if ".dist-info/" not in name}
    wanted = expected()
    for name in sorted(wanted - found):
        print(f"missing from the wheel: {name}", file=sys.stderr)
    for name in sorted(found - wanted):
        print(f"does not belong in the wheel: {name}", file=sys.stderr)
    tops = {name.partition("/")[0] for name in names}
    infos = {top for top in tops if top.endswith(".dist-info")}
    if tops - infos != set(PACKAGES) or len(infos) != 1:
        print(f"the wheel holds {sorted(tops)}, expected {sorted(PACKAGES)} and one .dist-info", file=sys.stderr)
        return 1
    print(f"{Path(wheel).name}: {len(found)} files of {' and '.join(PACKAGES)}, {len(names) - len(found)} of metadata")
    return int(found != wanted)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
