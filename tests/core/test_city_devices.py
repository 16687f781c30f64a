"""What ``[devices]`` and ``devices.csv`` say, and everything that is refused in them."""

from pathlib import Path

import pytest

from engine.core.city_devices import Device, DoorSettings
from engine.core.city_folder import CityError, load_folder, load_settings
from tests.support.folders import grid_folder

ON = """
[devices]
jump_mps = 50
mock = "take"
[devices.jt808]
networks = ["10.20.0.0/16", "fd00::/8"]
port = 0
[devices.osmand]
networks = ["127.0.0.1"]
"""
ROWS = """device,protocol,unit,datum,secret,terminal_id
13900000001,jt808,P1,gcj02,code,7654321
phone,osmand,P2,,,
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return grid_folder(tmp_path_factory.mktemp("grid"), tokens=False)


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    for path in made.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def switch_on(folder: Path, settings: str = ON, rows: str | None = ROWS) -> Path:
    with (folder / "city.toml").open("a") as file:
        file.write(settings)
    if rows is not None:
        (folder / "devices.csv").write_text(rows)
        (folder / "devices.csv").chmod(0o600)
    return folder


def problems(folder: Path) -> list[str]:
    with pytest.raises(CityError) as caught:
        load_folder(folder)
    return [str(problem) for problem in caught.value.problems]


def test_everything_is_off_by_default(folder: Path):
    settings = load_settings(folder).devices
    assert [settings.of(name) for name in ("jt808", "owntracks", "osmand", "feed")] == [None] * 4
    assert load_folder(folder).devices == ()


def test_what_is_on_is_read(folder: Path):
    city = load_folder(switch_on(folder))
    settings = city.settings.devices
    assert (settings.jump_mps, settings.mock, settings.owntracks) == (50, "take", None)
    jt808 = settings.jt808
    assert (jt808.host, jt808.port, jt808.utc_offset_minutes) == ("127.0.0.1", 0, 480)
    assert city.devices == (
        Device(id="13900000001", protocol="jt808", unit="P1", datum="gcj02", secret="code", terminal_id="7654321"),
        Device(id="phone", protocol="osmand", unit="P2"),
    )
    assert "code" not in repr(city.devices)


@pytest.mark.parametrize(
    ("host", "is_let_in"),
    [
        ("10.20.3.4", True),
        ("10.21.3.4", False),
        ("::ffff:10.20.3.4", True),
        ("::ffff:10.21.3.4", False),
        ("fd12::1", True),
        ("fe80::1%eth0", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_an_address_is_of_a_named_network_or_not(folder: Path, host: str, is_let_in: bool):
    door = load_settings(switch_on(folder)).devices.jt808
    assert isinstance(door, DoorSettings)
    assert door.lets_in(host) == is_let_in


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ("[devices.jt808]\n", "devices.jt808.networks"),
        ("[devices.jt808]\nnetworks = []\n", "devices.jt808.networks"),
        ('[devices.osmand]\nnetworks = ["10.20.0.1/16"]\n', "devices.osmand.networks"),
        ('[devices.osmand]\nnetworks = ["10.0.0.0/8"]\nport = 1\n', "devices.osmand.port"),
        ('[devices.jt808]\nnetworks = ["10.0.0.0/8"]\nport = 70000\n', "devices.jt808.port"),
        ('[devices.jt808]\nnetworks = ["10.0.0.0/8"]\nutc_offset_minutes = 8.5\n', "devices.jt808.utc_offset_minutes"),
        ("[devices]\nmock = []\n", "devices.mock"),
        ("[devices.fax]\n", "devices.fax"),
        ("[devices]\njump_mps = 1\n", "devices.jump_mps"),
        ('[devices]\nmock = "believe"\n', "devices.mock"),
        ("[devices]\njt808 = 1\n", "devices.jt808"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(folder: Path, settings: str, field: str):
    (problem,) = problems(switch_on(folder, settings, None))
    assert problem.startswith("city.toml")
    assert f" {field}: " in problem


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (",osmand,P1,,,", "device"),
        ("a,fax,P1,,,", "protocol"),
        ("a,osmand,P9,,,", "unit"),
        ("a,osmand,P1,mars,,", "datum"),
        ("013900000001,jt808,P1,,code,", "device"),
        ("13900000002,jt808,P1,,,", "secret"),
        ("a,owntracks,P1,,,", "secret"),
        ("phone,osmand,P1,,,", "device"),
        ("a,osmand,P1,," + "x" * 65 + ",", "secret"),
    ],
)
def test_rows_that_cannot_be_are_refused_by_line_and_field(folder: Path, row: str, field: str):
    (problem,) = problems(switch_on(folder, ON, ROWS + row + "\n"))
    assert problem.startswith(f"devices.csv:4: {field}: ")
    assert "xxxx" not in problem


def test_secrets_that_others_can_read_are_refused(folder: Path):
    switch_on(folder)
    (folder / "devices.csv").chmod(0o640)
    assert problems(folder) == ["devices.csv: mode: '0o640' is not taken; 0600: it holds secrets"]


def test_what_is_on_for_nobody_is_warned_of(folder: Path):
    warned = [str(warning) for warning in load_folder(switch_on(folder, rows=None)).warnings]
    assert [line for line in warned if line.startswith("devices.csv")] == [
        "devices.csv: file: 'devices.csv' is not taken; [devices.jt808] is on and no device is named",
        "devices.csv: file: 'devices.csv' is not taken; [devices.osmand] is on and no device is named",
    ]
