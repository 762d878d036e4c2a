"""Programs in a host: what they get, what is heard of them, and that they end whole."""

import os
import signal

import pytest

from lab import namespaces
from lab.hosts import Lab
from lab.namespaces import is_running
from lab.small_talk import FAMILY, PYTHON

pytestmark = pytest.mark.lab


async def test_a_program_gets_its_folder_its_environment_and_its_input(lab: Lab) -> None:
    ana = lab.add_host("ana")
    script = "pwd; echo $COLOUR; cat; echo careful >&2; exit 3"
    done = await lab.run_to_end(ana, ["sh", "-c", script], {"COLOUR": "green"}, text="and more")
    assert done.out == f"{ana.folder}\ngreen\nand more"
    assert (done.code, done.err) == (3, "careful\n")


@pytest.mark.parametrize("script", ["sleep 1000 & sleep 1000", "sleep 1000 & exit"], ids=["itself", "its child"])
async def test_a_program_that_does_not_end_is_killed_with_its_group(lab: Lab, script: str) -> None:
    ana = lab.add_host("ana")
    with pytest.raises(AssertionError, match=r"did not end in 0\.2 s"):
        await lab.run_to_end(ana, ["sh", "-c", script], timeout_s=0.2)
    assert namespaces.processes_in([ana.namespace]) == []


async def test_a_program_that_falls_silent_tells_what_it_said(lab: Lab) -> None:
    ana = lab.add_host("ana")
    process = await lab.run(ana, ["sh", "-c", "echo one; printf two; exit 7"])
    with pytest.raises(AssertionError, match=r"fell silent without saying 'three'(.|\n)*one\ntwo"):
        await process.line_with("three")
    assert await process.wait() == 7
    assert list(process.lines) == ["one", "two"]
    assert "ended with 7" in repr(process)


async def test_a_program_ends_with_all_that_it_started(lab: Lab) -> None:
    ana = lab.add_host("ana")
    process = await lab.run(ana, [*PYTHON, FAMILY])
    child = int((await process.line_with("child")).split()[1])
    await process.line_with("parent")
    # The child does not listen to SIGTERM; it is killed after the parent has ended.
    assert await process.stop() == -signal.SIGTERM
    assert not is_running(child)
    assert namespaces.processes_in([ana.namespace]) == []


async def test_a_killed_program_ends_at_once(lab: Lab) -> None:
    ana = lab.add_host("ana")
    process = await lab.run(ana, [*PYTHON, FAMILY])
    await process.line_with("child")
    assert await process.kill() == -signal.SIGKILL
    assert namespaces.processes_in([ana.namespace]) == []


async def test_only_what_is_inside_a_namespace_is_found_there(lab: Lab) -> None:
    ana, ben = lab.add_hosts(2)
    process = await lab.run(ana, [*PYTHON, "print('here'); import signal; signal.pause()"])
    await process.line_with("here")
    assert namespaces.processes_in([ana.namespace]) == [process.pid]
    assert namespaces.processes_in([ana.namespace], group=os.getpgrp()) == []
    assert namespaces.processes_in([ben.namespace, "hartig-lab.no.such"]) == []
