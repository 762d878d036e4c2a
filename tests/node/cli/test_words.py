"""What people read on the command line uses none of the inner words."""

import ast
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from hartig_node.cli import exits, overview
from hartig_node.cli.commands import COMMANDS, TOPICS
from hartig_node.cli.words import amount, duration, in_language, language, moment
from hartig_node.glossary import words_used
from node.cli.conftest import Hartig

SOURCES = sorted(path for name in ("cli", "client") for path in Path(str(files("hartig_node") / name)).rglob("*.py"))
# Names of fields and options, which stand in code and on the wire.
NO_TEXT = {"gateway", "lot", "lot_date", "lot_ended", "marks", "smallest_part", "thread"}


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Every text in a module that may be printed: all but docstrings."""
    tree = ast.parse(path.read_text("utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_line_uses_an_inner_word(path: Path) -> None:
    used = [(line, text, words_used(text)) for line, text in texts(path) if text not in NO_TEXT]
    assert [found for found in used if found[2]] == []


def test_no_help_uses_an_inner_word(hartig: Hartig) -> None:
    outputs = [overview.text(), exits.table(), *(hartig("help", topic).out for topic in TOPICS)]
    outputs += [hartig(command.name, "--help").out for command in COMMANDS.values() if command.module]
    for output in outputs:
        assert words_used(output) == []


def test_the_language_is_that_of_the_terminal() -> None:
    assert language({"LANG": "ht_HT.UTF-8"}) == "ht-HT"
    assert language({"LC_ALL": "C", "LANG": "es_ES"}) == "en"
    assert language({}) == "en"


def test_a_text_comes_in_the_language_asked_for_or_the_nearest() -> None:
    assert in_language({"es": "agua", "en": "water"}, "es-MX") == "agua"
    assert in_language({"es": "agua", "en": "water"}, "fr") == "water"
    assert in_language({"ht": "dlo", "es": "agua"}, "fr") == "agua"
    assert in_language({}, "fr") == ""
    assert in_language(None, "fr") == ""


def test_amounts_and_times_are_readable() -> None:
    assert amount({"quantity": "2.5", "unit": "KGM"}, "es") == "2.5 kilogramo"
    assert amount({"quantity": "3", "unit": "H87"}, "es") == "3"
    assert amount({"level": "low"}, "en") == "low"
    assert amount({}, "en") == ""
    assert moment("2026-11-22T12:00:00Z") == "22 Nov 12:00"
    assert moment("never") == "never"
    assert [duration(seconds) for seconds in (5, 61, 7260, 400_000, None)] == [
        "5 s", "1 min", "2 h 1 min", "4 days", "unknown",
    ]  # fmt: skip
