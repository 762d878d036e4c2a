"""What a new hub is called: as it is said, as a person answers, else as its machine; never what programs are called."""

import argparse
import io

import pytest

from hartig_node.board.drafts.drafts import PROGRAMS_NAMES, name_on_card
from hartig_node.daemon.config import ConfigError
from hartig_node.daemon.naming import add_name, name_for


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def named(*argv: str, is_json: bool = False) -> str:
    parser = argparse.ArgumentParser()
    add_name(parser)
    arguments = parser.parse_args(argv)
    arguments.json = is_json
    return name_for(arguments)


@pytest.mark.parametrize(
    ("machine", "name"), [("kitchen-pi.local", "kitchen-pi"), ("localhost", "Hub"), ("", "Hub"), ("x" * 241, "Hub")]
)
def test_a_hub_is_called_as_its_machine_where_nobody_is_asked(
    monkeypatch: pytest.MonkeyPatch, machine: str, name: str
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: machine)
    monkeypatch.setattr("sys.stdin", io.StringIO("never read\n"))
    assert named() == name
    assert named("--name", "Library") == "Library"
    monkeypatch.setattr("sys.stdin", Terminal("never read\n"))
    assert named(is_json=True) == name


def test_a_person_at_the_terminal_is_asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "kitchen-pi")
    for typed, name in (("Strike kitchen\n", "Strike kitchen"), ("\n", "kitchen-pi")):
        monkeypatch.setattr("sys.stdin", Terminal(typed))
        assert named() == name
        assert "[kitchen-pi]" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", Terminal("x" * 241))
    with pytest.raises(ConfigError):
        named()


def test_a_card_that_says_only_what_programs_say_names_nobody() -> None:
    assert [name_on_card(name) for name in sorted(PROGRAMS_NAMES)] == ["", ""]
    assert name_on_card(" Library ") == "Library"
