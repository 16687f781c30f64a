"""What the documents say is held against what the code does."""

import dataclasses
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from engine.dispatch.calendar_file import read_calendar
from engine.dispatch.policies import Policies
from engine.dispatch.run_cards import RunCards
from engine.model.diagrams import drawn
from engine.service.roles import Roles
from engine.service.routes import ROUTES
from engine.wire.closing import CLOSING_CODES
from engine.wire.limits import Limits
from engine.wire.messages import ClientMessage
from engine.wire.server_messages import ServerMessage

ROOT = Path(__file__).parent.parent


def test_the_lifecycle_diagrams_are_those_of_the_tables():
    page = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    for name, diagram in drawn().items():
        assert f"### {name}\n\n{diagram}\n" in page, f"{name}: run python -m engine.model.diagrams"


def test_the_protocol_page_names_every_message_code_limit_and_route():
    page = (ROOT / "docs" / "protocol.md").read_text("utf-8")
    for union in (ClientMessage, ServerMessage):
        for message in get_args(union):
            assert f"| `{message.__struct_config__.tag}` |" in page
    for code, meaning in CLOSING_CODES.items():
        assert f"| {int(code)} | `{code.name}` | {meaning.text} |" in page
    for bound in msgspec.structs.fields(Limits):
        assert f"| `{bound.name}` | {bound.default:,} |" in page
    for route in ROUTES:
        assert f"| `{route.method} {route.path}` | {route.needs or 'nothing'} | {route.summary} |" in page


@pytest.mark.parametrize(
    ("page", "section", "row_of"),
    [
        ("protocol.md", "Roles", "{role.id} | {role.speaks_for} | {may}"),
        ("protocol.zh.md", "角色", "{role.id}({role.name[zh]}) | {role.speaks_for} | {may}"),
    ],
    ids=("en", "zh"),
)
def test_the_protocol_page_of_each_language_has_the_shipped_roles_with_what_they_may(page, section, row_of):
    text = (ROOT / "docs" / page).read_text("utf-8")
    table = re.search(rf"^## {section}$.*?^\|---.*?$\n((?:^\|.*\n?)+)", text, re.DOTALL | re.MULTILINE)
    roles = Roles.shipped().values()
    said = [row_of.format(role=role, may=", ".join(sorted(role.may))) for role in roles]
    assert [row.strip("| ") for row in table[1].splitlines()] == said


def test_the_configuration_page_names_every_policy_with_its_default():
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    for policy in dataclasses.fields(Policies):
        assert f"| `{policy.name}` | {policy.default} |" in page


def test_the_example_of_both_readmes_prints_what_they_say():
    for page in ("README.md", "README.zh.md"):
        blocks = re.findall(r"^```(\w*)\n(.*?)^```", (ROOT / page).read_text("utf-8"), re.DOTALL | re.MULTILINE)
        example = next(number for number, (kind, _) in enumerate(blocks) if kind == "python")
        printed = subprocess.run(
            [sys.executable, "-c", blocks[example][1]], capture_output=True, text=True, check=True, cwd=ROOT
        ).stdout
        assert len(blocks[example][1].splitlines()) <= 16
        assert printed == blocks[example + 1][1]


def test_nothing_is_left_to_fill_in():
    for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")):
        assert "@@" not in page.read_text("utf-8"), page


def test_the_configuration_page_names_every_variable_of_the_environment():
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    sources = (path for room in ("engine", "geo_data") for path in (ROOT / room).rglob("*.py"))
    for name in {name for path in sources for name in re.findall(r"ALLPOINTS_[A-Z_]+", path.read_text("utf-8"))}:
        assert f"`{name}`" in page, name


def test_each_chinese_page_has_the_headings_code_words_and_table_rows_of_the_english_one():
    def outline(page):
        prose = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
        headings = Counter(re.findall(r"^(#+) ", prose, re.MULTILINE))
        words = {" ".join(word.split()) for word in re.findall(r"`([^`]+)`", prose)}
        return headings, words, len(re.findall(r"^\|", prose, re.MULTILINE))

    for name in ("protocol", "configuration"):
        assert outline(ROOT / "docs" / f"{name}.md") == outline(ROOT / "docs" / f"{name}.zh.md"), name


def test_the_examples_of_the_configuration_page_can_be_read(tmp_path):
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    for section, read in (("run_cards.toml", RunCards.load), ("calendar.toml", read_calendar)):
        example = re.search(rf"^## {section}$.*?^```toml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
        (tmp_path / section).write_text(example[1], "utf-8")
        read(tmp_path / section)
