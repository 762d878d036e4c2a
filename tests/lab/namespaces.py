"""Network namespaces by iproute2: make, set up, empty, remove; and find those that a dead lab left behind.

Names carry the process that made them, `hartig-lab.PID.START.TOKEN.HOST`, START being its start time in clock
ticks: a number alone could have been given to somebody else since. `lab.hosts` calls all of this.
Everything here blocks for milliseconds and is plain code, so that it can also run from a signal handler.
"""

import fcntl
import os
import re
import secrets
import select
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

NAMESPACES = Path("/run/netns")
# A call takes 3 ms; one that takes this long hangs in the kernel.
IP_S_MAX = 20.0
# SIGKILL ends a process at its next return from the kernel.
END_S_MAX = 5.0
# A process may start another while we kill; each round kills what the last one missed.
END_ROUNDS_MAX = 5
_NAME = re.compile(r"hartig-lab\.(?P<pid>\d+)\.(?P<start>\d+)\.(?P<token>[0-9a-f]{4})(\.[a-z0-9]+)?")


class LabError(Exception):
    """The lab's ground failed or was misused; the message says what, where, and what to do."""


@dataclass(frozen=True, slots=True)
class LabName:
    """Who made a lab: a process, told from later ones of the same number by its start, and a random token."""

    pid: int
    start_ticks: int
    token: str

    @classmethod
    def own(cls) -> "LabName":
        start_ticks = _start_ticks(os.getpid())
        assert start_ticks is not None, "this process is running"
        return cls(os.getpid(), start_ticks, secrets.token_hex(2))

    @classmethod
    def parse(cls, text: str) -> "LabName | None":
        """The maker of a namespace or folder with this name, or nothing if it is not a lab's."""
        match = _NAME.fullmatch(text)
        return cls(int(match["pid"]), int(match["start"]), match["token"]) if match else None

    def __str__(self) -> str:
        return f"hartig-lab.{self.pid}.{self.start_ticks}.{self.token}"

    def namespace(self, host: str) -> str:
        return f"{self}.{host}"

    def interface(self, number: int) -> str:
        """A name of at most 15 bytes for a TAP device before it is moved into its namespace."""
        return f"hl{self.pid:x}{self.token}n{number}"

    def is_alive(self) -> bool:
        return _start_ticks(self.pid) == self.start_ticks


def is_running(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not asked for its exit code does not."""
    fields = _stat(pid)
    return fields is not None and fields[0] != "Z"


def _start_ticks(pid: int) -> int | None:
    fields = _stat(pid)
    return int(fields[19]) if fields is not None else None


def _stat(pid: int) -> list[str] | None:
    """Fields 3 and on of /proc/PID/stat, after the command, which may hold spaces and brackets."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return stat.rpartition(")")[2].split()


def ip(commands: Iterable[str], namespace: str | None = None) -> None:
    """Run `ip` commands as one batch, inside `namespace` if given; the first that fails ends the batch.

    Raises:
        LabError: a command failed or hung.
    """
    batch = "".join(f"{command}\n" for command in commands)
    inside = ["-n", namespace] if namespace else []
    try:
        done = subprocess.run(
            ["ip", *inside, "-batch", "-"],
            input=batch, capture_output=True, text=True, timeout=IP_S_MAX, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise LabError(f"`ip` hung for {IP_S_MAX} s in {namespace or 'the root namespace'} on:\n{batch}") from error
    if done.returncode != 0:
        raise LabError(f"`ip` failed in {namespace or 'the root namespace'}: {done.stderr.strip()}\non:\n{batch}")


def existing() -> list[str]:
    """The names of all namespaces that `ip netns` knows."""
    return sorted(entry.name for entry in NAMESPACES.iterdir()) if NAMESPACES.is_dir() else []


def processes_in(namespaces: Iterable[str], group: int | None = None) -> list[int]:
    """The processes whose network is one of `namespaces`, or those of one process group among them."""
    networks = _networks(namespaces)
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return sorted(pid for pid in pids if _is_meant(pid, networks, group))


def _networks(namespaces: Iterable[str]) -> set[tuple[int, int]]:
    found = (_network(NAMESPACES / name) for name in namespaces)
    return {network for network in found if network is not None}


def _is_meant(pid: int, networks: set[tuple[int, int]], group: int | None) -> bool:
    if _network(Path(f"/proc/{pid}/ns/net")) not in networks:
        return False
    try:
        return group is None or os.getpgid(pid) == group
    except ProcessLookupError:
        return False


def _network(path: Path) -> tuple[int, int] | None:
    """What tells one network from another, or nothing where none is: a zombie has no network any more."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


def end_processes_in(namespaces: Iterable[str], group: int | None = None) -> None:
    """Kill every process in `namespaces`, or of one group there, and wait until each has ended.

    A lab's namespaces hold only what the lab started, so nothing else is met. Each process is taken by a
    descriptor and looked at again before it is killed: its number may have been given to another. It is held
    while it ends: a process on its way out has no network any more and would not be found, but still runs.
    """
    names = list(namespaces)
    for _ in range(END_ROUNDS_MAX):
        pids = processes_in(names, group)
        if not pids:
            return
        networks = _networks(names)
        taken = [found for pid in pids if (found := _take(pid)) is not None]
        try:
            for pid, descriptor in taken:
                if _is_meant(pid, networks, group):
                    with suppress(ProcessLookupError):
                        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            for _, descriptor in taken:
                ended = select.poll()
                ended.register(descriptor, select.POLLIN)
                ended.poll(END_S_MAX * 1000)
        finally:
            for _, descriptor in taken:
                os.close(descriptor)
    remaining = processes_in(names, group)
    if remaining:
        raise LabError(f"processes {remaining} in {names} do not end; look at them with `ip netns pids`")


def _take(pid: int) -> tuple[int, int] | None:
    try:
        return pid, os.pidfd_open(pid)
    except ProcessLookupError:
        return None


def remove(namespaces: Iterable[str]) -> None:
    """End all processes in `namespaces` and remove those that exist."""
    present = set(existing())
    names = [name for name in namespaces if name in present]
    end_processes_in(names)
    if names:
        ip(f"netns del {name}" for name in names)


def remove_leftovers() -> list[str]:
    """Remove namespaces, processes and folders of labs whose process is dead; return the namespaces."""
    temporary = Path(tempfile.gettempdir())
    # Labs may start at the same moment; the second waits, and finds nothing left to remove.
    with (temporary / "hartig-lab.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        dead = [name for name in existing() if _is_dead(name)]
        remove(dead)
        for folder in temporary.glob("hartig-lab.*"):
            if _is_dead(folder.name):
                shutil.rmtree(folder, ignore_errors=True)
    return dead


def _is_dead(name: str) -> bool:
    maker = LabName.parse(name)
    return maker is not None and not maker.is_alive()
