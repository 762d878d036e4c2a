"""A scratch folder in memory, and what the recorder needs of the machine."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from durability.recorder import what_is_missing

TESTS = Path(__file__).parent.parent
MEMORY = Path("/dev/shm")


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Lend an empty folder with a short path (a Unix socket fits), in memory where the machine has some to share."""
    folder = Path(tempfile.mkdtemp(prefix="hartig-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None)).resolve()
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def scratch() -> Iterator[Path]:
    with scratch_folder() as folder:
        yield folder


@pytest.fixture(scope="session", autouse=True)
def programs_find_their_modules() -> Iterator[None]:
    """Programs of this folder find their modules."""
    with pytest.MonkeyPatch.context() as patch:
        path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        patch.setenv("PYTHONPATH", path)
        yield


@pytest.fixture(scope="session")
def recorder() -> None:
    """Skip where nothing can be recorded, saying why; under CI that is a failure."""
    missing = what_is_missing()
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"recording needs {missing}")
    if missing:
        pytest.skip(f"recording needs {missing}")
