"""What a report may say besides words: the city's result codes, and templates that a terminal fills in.

They stand in ``reports.toml`` of the city's folder; without it those that come with the program hold.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from engine.core.city_files import CityError, Problems, Rule, TomlFile, check_table
from engine.model.limits import LONGEST_NAME, LONGEST_TEXT
from engine.texts import LANGUAGES

REPORTS = "reports.toml"
SCHEMA = 1
MOST_RESULTS, MOST_TEMPLATES = 200, 100
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
Texts = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Template:
    """Words with gaps for a terminal to fill in, and the result that goes with them, if any."""

    name: Texts
    text: Texts
    result: str = ""


@dataclass(frozen=True, kw_only=True)
class ReportForms:
    """Results by code, templates by id, each in the city's languages."""

    results: Mapping[str, Texts] = field(default_factory=dict)
    templates: Mapping[str, Template] = field(default_factory=dict)

    @classmethod
    @cache
    def shipped(cls) -> "ReportForms":
        """Return those that come with the program."""
        problems, folder = Problems(), Path(__file__).parent
        forms = read_forms(folder, problems)
        if problems.found:
            raise CityError(folder, problems.found)
        return forms


def read_forms(folder: Path, problems: Problems) -> ReportForms:
    """Read a folder's ``reports.toml``, with all that is wrong noted."""
    toml = TomlFile.read(folder, REPORTS, problems)
    if toml is None or not check_table(toml, "", toml.table, _TOP, problems):
        return ReportForms()
    if "schema" not in toml.table:
        problems.add(REPORTS, None, "schema", "", f"missing; {_TOP['schema'].limit}")
    results: dict[str, Texts] = toml.table.get("results", {})
    for code, texts in results.items():
        if not _NAME.fullmatch(code) or not _are_texts(texts, LONGEST_NAME):
            problems.add(REPORTS, toml.line("results", code), f"results.{code}", texts, _RESULT)
    templates: dict[str, Template] = {}
    for name, said in toml.table.get("templates", {}).items():
        section = f"templates.{name}"
        if not _NAME.fullmatch(name):
            problems.add(REPORTS, toml.line(section), section, name, "1 to 64 of a-z, 0-9 and _, a letter first")
        elif check_table(toml, section, said, _TEMPLATE, problems):
            _take(toml, section, said, results, templates, problems)
    return ReportForms(results=results, templates=templates)


def _take(
    toml: TomlFile,
    section: str,
    said: dict[str, Any],
    results: Mapping[str, Texts],
    templates: dict[str, Template],
    problems: Problems,
) -> None:
    for key in ("name", "text"):
        if key not in said:
            problems.add(REPORTS, toml.line(section), f"{section}.{key}", "", f"missing; {_TEMPLATE[key].limit}")
            return
    result = said.get("result", "")
    if result and result not in results:
        known = ", ".join(results) or "a file with [results]"
        problems.add(REPORTS, toml.line(section, "result"), f"{section}.result", result, known)
    templates[section.removeprefix("templates.")] = Template(name=said["name"], text=said["text"], result=result)


def _are_texts(value: object, most: int) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == set(LANGUAGES)
        and all(isinstance(text, str) and len(text.strip()) > 0 and len(text) <= most for text in value.values())
    )


_RESULT = 'a code of 1 to 64 of a-z, 0-9 and _ with { zh = "…", en = "…" }'
_TOP: Mapping[str, Rule] = {
    "schema": Rule(lambda value: type(value) is int and value == SCHEMA, f"this program reads schema {SCHEMA}"),
    "results": Rule(
        lambda value: isinstance(value, dict) and len(value) <= MOST_RESULTS, f"at most {MOST_RESULTS} codes"
    ),
    "templates": Rule(
        lambda value: isinstance(value, dict) and len(value) <= MOST_TEMPLATES,
        f"at most {MOST_TEMPLATES} tables [templates.NAME]",
    ),
}
_TEMPLATE: Mapping[str, Rule] = {
    "name": Rule(lambda value: _are_texts(value, LONGEST_NAME), 'a name in both: { zh = "…", en = "…" }'),
    "text": Rule(lambda value: _are_texts(value, LONGEST_TEXT), 'words in both: { zh = "…", en = "…" }'),
    "result": Rule(lambda value: isinstance(value, str), "a code of [results]"),
}
