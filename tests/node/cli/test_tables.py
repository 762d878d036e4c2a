import io

import pytest

from hartig_node.cli.output import Output
from hartig_node.cli.tables import Column, table_lines
from hartig_node.cli.width import clean, is_right_to_left, isolate, pad, shorten, width, wrap


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("text", "columns"),
    [("", 0), ("water", 5), ("饮用水", 6), ("é", 1), ("e\u0301", 1), ("ﾊﾟﾝ", 3), ("🥖", 2), ("ماء", 3)],
)
def test_width_is_in_columns_of_the_terminal(text: str, columns: int) -> None:
    assert width(text) == columns


@pytest.mark.parametrize(
    ("text", "columns", "short"),
    [
        ("water", 5, "water"),
        ("water", 4, "wat…"),
        ("饮用水", 5, "饮用…"),
        ("饮用水", 4, "饮…"),
        ("ab cd", 4, "ab…"),
        ("x", 0, ""),
    ],
)
def test_what_is_too_long_is_cut(text: str, columns: int, short: str) -> None:
    assert shorten(text, columns) == short
    assert width(shorten(text, columns)) <= columns


def test_what_would_move_the_cursor_or_turn_the_writing_is_taken_out() -> None:
    assert clean("a\x1b[2Jb\r\x07\u202ec\u2028d\x9b") == "a[2Jbcd"
    assert clean("a\tb\nc") == "a b c"
    assert clean("a\nb", keep_lines=True) == "a\nb"


def test_right_to_left_text_is_kept_apart() -> None:
    assert is_right_to_left("ماء 3")
    assert isolate("water") == "water"
    assert isolate("ماء") == "\u2068ماء\u2069"
    assert pad("饮", 4) == "饮  "


def test_lines_are_broken_at_spaces_or_within_long_words() -> None:
    assert wrap("drinking water\nfor 40", 8) == ["drinking", "water", "for 40"]
    assert wrap("饮用水饮用水", 5) == ["饮用", "水饮", "用水"]
    assert wrap("", 8) == [""]


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_a_table_fits(columns: int) -> None:
    rows = [["1f2e3d4c", "饮用水" * 9, "long title " * 30], ["2", "x", ""]]
    lines = table_lines([Column("id"), Column("what", 20, may_be_cut=True), Column("title")], rows, columns)
    assert len(lines) == 3
    assert max(width(line) for line in lines) <= columns


def test_a_table_that_nobody_looks_at_is_not_cut() -> None:
    assert table_lines([Column("title", 5)], [["a long title"]], None) == ["title", "a long title"]


def test_colours_are_for_terminals_alone() -> None:
    assert Output(is_json=False, stdout=Terminal(), environment={}).paint("x", "bold") == "\x1b[1mx\x1b[0m"
    for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert Output(is_json=False, stdout=Terminal(), environment=environment).paint("x", "bold") == "x"
    assert Output(is_json=False, stdout=io.StringIO(), environment={}).paint("x", "bold") == "x"


def test_progress_is_written_over_and_never_left_behind() -> None:
    err = Terminal()
    output = Output(is_json=True, stdout=io.StringIO(), stderr=err, environment={})
    output.progress("half")
    output.note("a note")
    assert err.getvalue() == "\r\x1b[Khalf\r\x1b[Ka note\n"
    quiet = io.StringIO()
    Output(is_json=True, stdout=io.StringIO(), stderr=quiet, environment={}).progress("half")
    assert quiet.getvalue() == ""


def test_json_is_one_value_and_no_line_for_people() -> None:
    out = io.StringIO()
    output = Output(is_json=True, stdout=out, stderr=io.StringIO(), environment={})
    output.line("for people")
    output.json({"a": "é"})
    assert out.getvalue() == '{"a": "\\u00e9"}\n'


def test_the_width_comes_from_the_environment_or_the_terminal() -> None:
    assert Output(is_json=False, stdout=io.StringIO(), environment={"COLUMNS": "100"}).columns == 100
    assert Output(is_json=False, stdout=io.StringIO(), environment={}).columns is None
    assert Output(is_json=False, stdout=Terminal(), environment={"COLUMNS": "x"}).columns == 80
