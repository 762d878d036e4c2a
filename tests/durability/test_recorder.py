"""Real programs under the recorder; it compares by itself that its log leads to the folder that is there."""

import re
import sys
from pathlib import Path

import pytest

from durability.log import FileSynced, FileWritten, FolderSynced, Log
from durability.recorder import record
from durability.trace import RecordingError

PATTERN = re.compile(rb"acknowledged ([0-9a-f]+)\n")

pytestmark = pytest.mark.usefixtures("recorder")

# Writes through two threads, a child that inherits a file, and every call that a careful program uses.
BUSY = """
import mmap, os, socket, subprocess, sys, threading
def fill(name):
    with open(name, "wb", buffering=0) as file:
        for number in range(50):
            file.write(b"%d" % number * 100)
            os.fdatasync(file.fileno())
threads = [threading.Thread(target=fill, args=(name,)) for name in ("one", "two")]
for thread in threads: thread.start()
for thread in threads: thread.join()
os.mkdir("sub")
with open("sub/tmp", "w") as file:
    file.write("complete"); file.flush(); os.fsync(file.fileno())
os.rename("sub/tmp", "sub/name")
folder = os.open("sub", os.O_RDONLY | os.O_DIRECTORY); os.fsync(folder); os.close(folder)
with open("log", "ab") as file:
    file.write(b"first "); file.flush()
    subprocess.run([sys.executable, "-c", "print('child')"], stdout=file, check=True)
    file.write(b"last")
with open("before", "r+b") as file:
    file.seek(-2, os.SEEK_END); file.write(b"XYZ"); file.truncate(6)
os.posix_fallocate(os.open("reserve", os.O_CREAT | os.O_RDWR), 0, 5000)
os.link("before", "second"); os.unlink("gone"); os.mkdir("x"); os.rmdir("x")
here, there = socket.socketpair()
here.sendall(b"acknowledged 0a\\n")
print("acknowledged 0b", flush=True)
"""


def run(scratch: Path, program: str, timeout_s: float = 60.0) -> Log:
    folder = scratch / "folder"
    folder.mkdir()
    (folder / "before").write_bytes(b"0123456")
    (folder / "gone").write_bytes(b"gone")
    argv = [sys.executable, "-c", program]
    return record(argv, folder, scratch / "trace", acknowledgement=PATTERN, timeout_s=timeout_s)


def test_all_that_a_busy_program_does_is_in_the_log(scratch: Path) -> None:
    log = run(scratch, BUSY)
    assert log.acknowledged == ["0a", "0b"]
    assert sum(isinstance(event, FileSynced) for event in log.events) == 101
    assert [event.name for event in log.events if isinstance(event, FolderSynced)] == ["sub"]
    assert sum(isinstance(event, FileWritten) for event in log.events) >= 104


def test_a_program_that_writes_through_shared_memory_is_refused(scratch: Path) -> None:
    program = "import mmap; file = open('before', 'r+b'); mmap.mmap(file.fileno(), 0)[0] = 65"
    with pytest.raises(RecordingError, match="shared memory"):
        run(scratch, program)


def test_a_change_that_the_log_does_not_show_is_found_at_the_end(scratch: Path) -> None:
    # A read moves the position without being recorded, so the log has the write at the wrong place.
    program = "import os; file = os.open('before', os.O_RDWR); os.read(file, 3); os.write(file, b'x')"
    with pytest.raises(RecordingError, match=r"does not lead to what is in .*look at before"):
        run(scratch, program)


def test_a_program_that_fails_is_reported_with_what_it_said(scratch: Path) -> None:
    with pytest.raises(RecordingError, match=r"ended with 3 and said:\nno bread"):
        run(scratch, "import sys; sys.stderr.write('no bread'); sys.exit(3)")


def test_a_program_that_does_not_end_is_killed(scratch: Path) -> None:
    with pytest.raises(RecordingError, match=r"did not end in 1\.0 s"):
        run(scratch, "import signal; signal.pause()", timeout_s=1.0)
