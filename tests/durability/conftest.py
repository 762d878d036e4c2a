"""A scratch folder in memory, and what the recorder needs of the machine."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from durability.recorder import what_is_missing

TESTS = Path(__file__).parent.parent
MEMORY = Path("/dev/shm")


@pytest.fixture
def scratch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder with a short path (a Unix socket fits), in memory where the machine has some to share.

    Programs of this folder find their modules, too.
    """
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep))
    folder = Path(tempfile.mkdtemp(prefix="hartig-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None)).resolve()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def recorder() -> None:
    """Skip where nothing can be recorded, saying why; under CI that is a failure."""
    missing = what_is_missing()
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"recording needs {missing}")
    if missing:
        pytest.skip(f"recording needs {missing}")
