"""What a machine needs for the lab, and what happens where it lacks something.

The fixture `lab` asks before anything is made: a skipped test says exactly what is missing and how to get it,
and under CI nothing is skipped, it fails. `Lab` asks too, for programs that are no tests.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from lab.switch import TUN_DEVICE

# linux/capability.h
_CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21}


def what_is_missing() -> list[str]:
    """What this machine lacks for the lab, one line each: what, and how to get it."""
    missing = []
    held = _effective_capabilities()
    absent = [name for name, bit in _CAPABILITIES.items() if not held >> bit & 1]
    if absent:
        missing.append(f"{' and '.join(absent)}: run the tests as root; in a container, start it with --privileged")
    if shutil.which("ip") is None:
        missing.append("the command `ip`: install iproute2 (apt-get install iproute2)")
    if not Path(TUN_DEVICE).exists():
        missing.append(f"{TUN_DEVICE}: as root, modprobe tun; in a container, start it with --device {TUN_DEVICE}")
    return missing


def _effective_capabilities() -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    line = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    return int(line.split()[1], 16)


def demand_all(missing: list[str], environment: Mapping[str, str] = os.environ) -> None:
    """Skip the calling test if anything is missing; under CI=true fail it."""
    if not missing:
        return
    line = f"the lab needs {'; '.join(missing)}"
    if environment.get("CI") == "true":
        pytest.fail(line)
    pytest.skip(line)
