"""Lines of a TOML document: against small documents read by eye."""

import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.dispatch.toml_file import TomlError, TomlReader, lines_of

DOCUMENT = '''\
# a comment with [brackets] = 1
top = 1
many = [
  # not an element
  { a = 1 },

  { a = "]" }, { a = 3 },
]
[table]
"quoted key" = """
[not.a.header]
key = 2
"""
dotted.deep = [1, 2, # a comment with ]
  3]
[[cards]]
id = "one"
[cards.level_1]
day = []
[[cards]]
id = 'two # [no comment]'
[[cards.inner]]
x = 1
[[cards.inner]]
x = 2
'''


def test_headers_keys_and_elements_have_their_lines():
    lines = lines_of(DOCUMENT)
    assert lines[("top",)] == 2
    assert lines[("many",)] == 3
    assert [lines[("many", number)] for number in range(3)] == [5, 7, 7]
    assert lines[("table",)] == 9
    assert lines[("table", "quoted key")] == 10
    assert ("not", "a", "header") not in lines
    assert lines[("table", "dotted", "deep")] == 14
    assert [lines[("table", "dotted", "deep", number)] for number in range(3)] == [14, 14, 15]
    assert lines[("cards", 0, "id")] == 17
    assert lines[("cards", 0, "level_1")] == 18
    assert lines[("cards", 0, "level_1", "day")] == 19
    assert lines[("cards", 1, "id")] == 21
    assert lines[("cards", 1, "inner", 0, "x")] == 23
    assert lines[("cards", 1, "inner", 1, "x")] == 25


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a = 1", "b = [", "]", '"""', "'", "[t]", "[[t]]", "c = '''", "{", "}", "#"])))
def test_any_text_is_scanned_without_an_error(parts):
    lines_of("\n".join(parts))


def test_what_stands_deeper_has_the_line_of_what_it_stands_in(tmp_path):
    path = tmp_path / "x.toml"
    path.write_text(DOCUMENT, "utf-8")
    reader = TomlReader(path, TomlError)
    assert reader.line(("many", 1, "a", "b")) == 7
    assert reader.line(("nowhere",)) is None
    reader.call(("cards", 1), "card two")
    reader.wrong(("cards", 1, "inner", 0, "x"), 1, "2")
    with pytest.raises(TomlError, match=r"x\.toml:23: card two: inner\[1\]\.x: 1 is not taken; 2"):
        reader.finish()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a = \xff", r"x\.toml:1: not TOML: save the file as UTF-8"),
        (b"\na = [", r"x\.toml:?\d*: not TOML"),
        (b"#" * (5 << 20), "size"),
    ],
)
def test_what_is_no_toml_is_refused(tmp_path, content, said):
    path = tmp_path / "x.toml"
    path.write_bytes(content)
    with pytest.raises(TomlError, match=said):
        TomlReader(path, TomlError)


def test_a_byte_order_mark_is_taken(tmp_path):
    path = tmp_path / "x.toml"
    path.write_text("\ufeff" + textwrap.dedent("a = 1"), "utf-8")
    assert TomlReader(path, TomlError).root == {"a": 1}
