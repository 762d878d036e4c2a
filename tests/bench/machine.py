"""On what a bench ran, in words that name no machine: processor, cores, versions. Who calls: `run`."""

import os
import platform
import sqlite3
from pathlib import Path
from statistics import median


def machine() -> dict[str, str | int]:
    """Describe this machine; nothing here tells whose it is."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "kernel": platform.release(),
    }


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() in {"model name", "Model"}:
            return value.strip()
    return platform.machine()


def rss_mib(process: int | str = "self") -> float:
    """How much memory a process has in use, in MiB."""
    for line in Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return round(int(line.split()[1]) / 1024, 1)
    raise LookupError(f"process {process} has ended")


def middle(figures: list[float], digits: int = 0) -> float:
    """The median, rounded to what means something."""
    return round(median(figures), digits)
