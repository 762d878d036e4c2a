"""A program runs under strace, and what it does to one folder becomes a `Log`.

In: a command, a folder, the pattern of an acknowledgement. Out: `Log`. Tests call `record`; `durability.trace` reads
the lines, `durability.observer` makes events of them.

What strace cannot show must not pass silently. So writes through shared memory, and copies made inside the kernel,
are refused; and at the end the folder that the log says must be the folder that is there, byte for byte. The
WAL-index (`-shm`) is left out on purpose: SQLite writes it by mmap, never syncs it, and rebuilds it from the log;
after a power cut it is lost.
"""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path

from durability.log import FOLDER, Log
from durability.observer import OBSERVED, Observer
from durability.replay import Disk
from durability.trace import RecordingError, calls

# A hub's reserve file, 4 MiB, may be written in one call; this is the double of it.
STRING_BYTES_MAX = 8 * 1024 * 1024
RECORDING_S = 120.0
IGNORED = ("*-shm",)


def what_is_missing() -> str:
    """Why nothing can be recorded on this machine, in one sentence; empty when it can."""
    if shutil.which("strace") is None:
        return "the program strace (Debian: apt-get install strace)"
    tried = subprocess.run(["strace", "-f", "-o", os.devnull, "true"], capture_output=True, text=True, check=False)
    return "" if tried.returncode == 0 else f"leave to trace programs (strace says: {tried.stderr.strip()})"


def record(
    argv: Sequence[str], folder: Path, trace: Path, *,
    acknowledgement: re.Pattern[bytes], ignored: Collection[str] = IGNORED,
    env: Mapping[str, str] | None = None, timeout_s: float = RECORDING_S,
) -> Log:  # fmt: skip
    """Run `argv`, which must end by itself, in `folder`, and return what happened there.

    Args:
        folder: what it holds at the start counts as durable; the program must be told its real path.
        trace: a new file, outside of `folder`, for strace's own words; some 4 bytes for each byte written.
        acknowledgement: sought in all that the program and its children write or send outside of `folder`;
            its first group is the identifier.
        ignored: patterns of names that are neither recorded nor in any image.
        timeout_s: when it is over, the program's process group is killed.

    Raises:
        RecordingError: the program failed, or did something that the log cannot show.
    """
    root = folder.resolve()
    names, files = snapshot(root, ignored)
    observer = Observer(root, names, files, acknowledgement, ignored)
    _run(argv, root, trace, {**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})}, timeout_s)
    with trace.open(encoding="ascii") as lines:
        for call in calls(lines):
            observer.see(call)
    log = Log(names, files, tuple(observer.events))
    _compare(log, root, ignored)
    return log


def snapshot(root: Path, ignored: Collection[str]) -> tuple[dict[str, int], dict[int, bytes]]:
    """The names and contents of all files and folders in `root`; sockets and other special files are left out."""
    names: dict[str, int] = {}
    files: dict[int, bytes] = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_dir():
            names[name] = FOLDER
        elif path.is_file() and not any(fnmatch(path.name, pattern) for pattern in ignored):
            names[name] = len(files) + 1
            files[names[name]] = path.read_bytes()
    return names, files


def _run(argv: Sequence[str], root: Path, trace: Path, env: Mapping[str, str], timeout_s: float) -> None:
    command = [
        "strace", "--seccomp-bpf", "-f", "-qq", "-y", "-xx", "-s", str(STRING_BYTES_MAX),
        "-e", f"trace={','.join(f'?{name}' for name in OBSERVED)}", "-e", "signal=none", "-o", str(trace), *argv,
    ]  # fmt: skip
    with subprocess.Popen(
        command, cwd=root, env=env, start_new_session=True, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        try:
            _, said = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            os.killpg(process.pid, signal.SIGKILL)
            raise RecordingError(f"{argv} did not end in {timeout_s} s") from error
    if process.returncode != 0:
        raise RecordingError(f"{argv} ended with {process.returncode} and said:\n{said}")


def _compare(log: Log, root: Path, ignored: Collection[str]) -> None:
    disk = Disk(log)
    disk.advance(len(log.events))
    told = disk.everything()
    names, files = snapshot(root, ignored)
    there = {name: None if file == FOLDER else files[file] for name, file in names.items()}
    wrong = sorted(name for name in told.keys() | there.keys() if told.get(name, b"?") != there.get(name, b"?"))
    if wrong:
        raise RecordingError(f"the log does not lead to what is in {root}; look at {', '.join(wrong[:5])}")
