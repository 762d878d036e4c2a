"""Shared by the tests of the command line: a fake node in a folder, and a call of `hartig` within this process."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from hartig_node.cli.main import main
from node.cli.fake_deals import DealingNode


class Result(NamedTuple):
    code: int
    out: str
    err: str


Hartig = Callable[..., Result]


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same terminal, language, time zone and folder everywhere."""
    for name in [name for name in os.environ if name.startswith(("HARTIG_", "LC_", "XDG_"))]:
        monkeypatch.delenv(name)
    for name, value in {"LANG": "en_GB.UTF-8", "TZ": "UTC", "COLUMNS": "80", "HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HARTIG_FOLDER", str(tmp_path / "hub"))
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "hub"
    (folder / "run").mkdir(parents=True)
    folder.chmod(0o700)
    return folder


@pytest.fixture
def fake(folder: Path) -> Iterator[DealingNode]:
    with DealingNode(folder / "run" / "api.sock") as fake:
        yield fake


@pytest.fixture
def hartig(capsys: pytest.CaptureFixture[str]) -> Hartig:
    def call(*arguments: str) -> Result:
        code = main(list(arguments))
        out, err = capsys.readouterr()
        return Result(code, out, err)

    return call
