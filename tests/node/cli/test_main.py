import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from hartig_node.cli import exits
from hartig_node.cli.commands import COMMANDS, TOPICS
from node.cli.conftest import Hartig
from node.client.fake_node import FakeNode, post, problem

HARTIG = [sys.executable, "-m", "hartig_node.cli.main"]
HEAVY = (
    "aiohttp",
    "cryptography",
    "zeroconf",
    "msgpack",
    "nacl",
    "jinja2",
    "segno",
    "asyncio",
    "dataclasses",
    "sqlite3",
)


def test_status_imports_nothing_heavy(fake: FakeNode, folder: Path) -> None:
    program = (
        "import sys; from hartig_node.cli.main import main; code = main(['status', '--json']);"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout)["name"] == "Riverside"
    assert done.stderr.strip() == "[]"


def test_without_a_command_the_overview_names_them_all(hartig: Hartig) -> None:
    code, out, err = hartig()
    assert (code, out) == (exits.USAGE, "")
    for name, command in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(command.summary)}$", err, re.MULTILINE), name
    assert hartig("--help") == hartig("help") == (exits.OK, err, "")


def test_every_command_of_ours_explains_itself(hartig: Hartig) -> None:
    for command in COMMANDS.values():
        if command.module:
            code, out, _ = hartig(command.name, "--help")
            assert code == exits.OK
            for part in (command.summary, f"Example:\n  hartig {command.name}", "Next: ", "exit-codes", "--json"):
                assert part in out, (command.name, part)


def test_examples_in_help_are_command_lines_that_are_understood(hartig: Hartig, fake: FakeNode, folder: Path) -> None:
    import shlex
    from importlib import import_module

    from hartig_node.cli.parsing import build_parser

    for command in COMMANDS.values():
        if command.module:
            recipe = getattr(import_module(command.module), command.recipe)
            program, name, *arguments = shlex.split(recipe.example)
            assert (program, name) == ("hartig", command.name)
            build_parser(command, recipe).parse_args(arguments)


def test_exit_codes_and_topics_are_explained(hartig: Hartig) -> None:
    _, out, _ = hartig("help", "exit-codes")
    for code in exits.MEANINGS:
        assert f" {code}  " in out
    for topic in TOPICS:
        assert hartig("help", topic).code == exits.OK
    assert "water.drinking" in hartig("help", "categories").out
    assert hartig("help", "status").out.startswith("usage: hartig status")


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["offr"], "did you mean `hartig offer`?"),
        (["xyzzy"], "`hartig help` shows all commands"),
        (["list", "--categry", "food"], "did you mean --category?"),
        (["help", "exitcodes"], "did you mean `hartig help exit-codes`?"),
        (["--folder"], "--folder needs a value"),
        (["--verbose", "list"], "no option --verbose"),
        (["list", "--kind", "wish"], "--kind"),
        (["list", "--limit", "0"], "must be 1 or more"),
        (["need", "food"], "a title is missing"),
        (["offer"], "a category is missing"),
        (["need", "food", "Bread", "--people", "many"], "invalid whole number value: 'many'"),
        (["need", "food", "Bread", "--expires-at", "soon"], "2026-11-24"),
        (["revise", "12345678"], "nothing to change"),
        (["token", "add"], "needs a name"),
        (["show", "xyz"], "is no id"),
    ],
)
def test_a_wrong_command_line_says_what_to_write(hartig: Hartig, arguments: list[str], hint: str) -> None:
    code, out, err = hartig(*arguments)
    assert (code, out) == (exits.USAGE, "")
    assert hint in err
    assert "Traceback" not in err


def test_options_may_stand_before_or_after_the_command(hartig: Hartig, fake: FakeNode, folder: Path) -> None:
    before = hartig("--json", "--folder", str(folder), "status")
    assert before.code == exits.OK
    assert before == hartig("status", "--json", f"--folder={folder}")


def test_nobody_there_is_exit_code_4_with_what_to_do(hartig: Hartig, folder: Path) -> None:
    code, out, err = hartig("list")
    assert (code, out) == (exits.UNREACHABLE, "")
    assert "hartig run" in err


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (404, "not_found", exits.NOT_FOUND),
        (403, "forbidden", exits.REFUSED),
        (422, "bad_draft", exits.REFUSED),
        (507, "disk_full", exits.REFUSED),
        (500, "internal", exits.OUR_FAULT),
    ],
)
def test_a_refusal_has_its_exit_code_and_is_json_with_json(
    hartig: Hartig, fake: FakeNode, status: int, code: str, expected: int
) -> None:
    for arguments in (["status"], ["status", "--json"]):
        fake.plan(status, problem(status, code, "the detail", hint="the hint"))
        result = hartig(*arguments)
        assert (result.code, result.out) == (expected, "")
        assert "the detail" in result.err
        assert "the hint" in result.err
    assert json.loads(result.err)["error"]["code"] == code


def test_a_mistyped_category_is_guessed(hartig: Hartig, fake: FakeNode) -> None:
    fake.plan(422, problem(422, "bad_draft", "'watr.drinking' is no category", pointer="/category"))
    assert "did you mean water.drinking?" in hartig("need", "watr.drinking", "Water").err


def test_the_version_is_told(hartig: Hartig) -> None:
    assert re.fullmatch(r"hartig \S.*\n", hartig("--version").out)


def test_commands_on_a_folder_get_all_arguments(hartig: Hartig, monkeypatch: pytest.MonkeyPatch) -> None:
    from hartig_node.cli import folder_commands

    got: list[list[str]] = []
    module = SimpleNamespace(init=lambda arguments: got.append(arguments) or 7)
    monkeypatch.setattr(folder_commands, "import_module", lambda _: module)
    assert hartig("--folder", "/hub", "init", "--name", "x").code == 7
    assert got == [["--folder", "/hub", "--name", "x"]]

    def missing(name: str) -> object:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(folder_commands, "import_module", missing)
    assert hartig("run").code == exits.USAGE


def test_every_command_on_a_folder_is_there() -> None:
    from importlib import import_module

    from hartig_node.cli.folder_commands import MODULES

    assert set(MODULES) == {command.name for command in COMMANDS.values() if not command.module}
    for name, module in MODULES.items():
        assert callable(getattr(import_module(f"hartig_node.daemon.{module}"), name))


def test_a_reader_that_goes_away_ends_it_without_a_word(fake: FakeNode, folder: Path) -> None:
    fake.posts = [post(f"{number:032x}", "water " * 20) for number in range(2000)]
    with subprocess.Popen([*HARTIG, "export"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == exits.BROKEN_PIPE


# What a shell starts in the background ignores Ctrl-C, and so does all that it starts.
HEEDING = ("env", "--default-signal=INT")


def test_ctrl_c_ends_it_with_130_and_no_traceback(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "run" / "api.sock"))
        listener.listen()
        with subprocess.Popen([*HEEDING, *HARTIG, "watch"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            connection, _ = listener.accept()
            with connection:  # a stream that does not end: else the program might end by itself first
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
                connection.sendall(b"id: 1\nevent: peer.connected\ndata: {}\n\n")
                process.stdout.readline()
                os.kill(process.pid, signal.SIGINT)
                assert process.wait(60) == exits.INTERRUPTED
            assert process.stderr.read().strip() == b""
