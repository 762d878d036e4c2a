"""Nothing outlives a lab, however it is left."""

import asyncio
import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest

from lab import namespaces
from lab.hosts import Lab
from lab.namespaces import LabError, LabName, is_running
from lab.requirements import demand_all, what_is_missing
from lab.small_talk import FAMILY, PYTHON

pytestmark = pytest.mark.lab

TESTS = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def ground() -> None:
    """What the fixture `lab` demands of the machine; here the tests make labs of their own."""
    demand_all(what_is_missing())


# A lab of its own, in a process that is then ended from outside.
_LAB = """
import asyncio, signal
from lab.hosts import Lab

# Whatever started the tests may ignore these, and that is inherited.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)

async def main():
    async with Lab() as lab:
        for host in lab.add_hosts(2):
            process = await lab.run(host, ["sh", "-c", "echo here; exec sleep 1000"])
            await process.line_with("here")
            print(host.namespace, flush=True)
        print("ready", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def devices_of(name: LabName) -> list[str]:
    return [entry.name for entry in Path("/sys/class/net").iterdir() if entry.name.startswith(name.interface(0)[:-1])]


def traces_of(name: LabName) -> list[str]:
    """All that a lab could leave on the machine."""
    made = [entry for entry in namespaces.existing() if entry.startswith(str(name))]
    folder = Path(tempfile.gettempdir()) / str(name)
    return [*made, *devices_of(name), *([str(folder)] if folder.exists() else [])]


async def one_life(script: list[str]) -> tuple[LabName, list[int]]:
    """Begin and end a lab in which a family ran; what it was called, and the family's numbers."""
    async with Lab() as lab:
        (ana, _) = lab.add_hosts(2)
        process = await lab.run(ana, [*PYTHON, FAMILY, *script])
        pids = [int((await process.line_with("child")).split()[1]), process.pid]
        name = LabName.parse(ana.namespace)
        assert name is not None
        assert traces_of(name)
        return name, pids


@pytest.mark.parametrize("script", [[], ["stray"], ["leave"], ["stray", "leave"]], ids="-".join)
async def test_nothing_outlives_a_lab(script: list[str]) -> None:
    name, pids = await one_life(script)
    assert traces_of(name) == []
    assert not any(is_running(pid) for pid in pids)


async def test_nothing_outlives_a_lab_that_fails() -> None:
    names = []

    async def fail() -> None:
        async with Lab() as lab:
            names.append(LabName.parse(lab.add_host("ana").namespace))
            lab.add_host("ben")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert [traces_of(name) for name in names if name is not None] == [[]]


async def test_nothing_is_left_of_a_host_that_could_not_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Lab() as lab:
        name = LabName.parse(lab.add_host("ana").namespace)
        assert name is not None
        monkeypatch.setattr("lab.hosts.INTERFACE", "a name that is no name")
        with pytest.raises(LabError, match="`ip` failed"):
            lab.add_host("ben")
    assert traces_of(name) == []


async def a_lab_elsewhere() -> tuple[asyncio.subprocess.Process, LabName]:
    """A lab in another process, which is up when this returns."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _LAB,
        env={**os.environ, "PYTHONPATH": str(TESTS)}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(20):
        name = LabName.parse((await process.stdout.readline()).decode().strip())
        while (await process.stdout.readline()).decode().strip() != "ready":
            pass
    assert name is not None
    return process, name


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
async def test_a_signal_takes_the_lab_along(number: signal.Signals) -> None:
    process, name = await a_lab_elsewhere()
    made = [entry for entry in namespaces.existing() if entry.startswith(str(name))]
    running = namespaces.processes_in(made)
    assert len(made) == len(running) == 2
    process.send_signal(number)
    assert await asyncio.wait_for(process.wait(), 20) != 0
    assert traces_of(name) == []
    assert not any(is_running(pid) for pid in running)


async def test_what_a_killed_lab_left_is_removed_by_the_next() -> None:
    process, name = await a_lab_elsewhere()
    running = namespaces.processes_in(name.namespace(host) for host in ("h1", "h2"))
    namespaces.remove_leftovers()
    assert len(traces_of(name)) == 3, "what belongs to a living process stays"
    process.kill()
    await asyncio.wait_for(process.wait(), 20)
    async with Lab():
        assert traces_of(name) == []
    assert not any(is_running(pid) for pid in running)
