"""A lab's names tell who made it, so that only what nobody needs any more is removed."""

import pytest

from lab.namespaces import LabName


@pytest.mark.parametrize(
    "foreign",
    [
        "hartig-lab",
        "hartig-lab.1",
        "hartig-lab.x.1.abcd",
        "hartig-lab.1.2.abcd.UP",
        "blue",
        "hartig-lab.lock",
    ],
)
def test_a_name_that_no_lab_gives_belongs_to_no_lab(foreign: str) -> None:
    assert LabName.parse(foreign) is None


def test_a_name_tells_its_maker() -> None:
    name = LabName.own()
    assert LabName.parse(str(name)) == LabName.parse(name.namespace("ana")) == name
    assert name.is_alive()
    assert not LabName(name.pid, name.start_ticks - 1, name.token).is_alive(), "the number was given anew"
    assert len(LabName(4_194_304, 1, "abcd").interface(64)) <= 15
