"""What happens on a machine that cannot hold a lab."""

from pathlib import Path

import pytest

from lab import requirements
from lab.requirements import demand_all, what_is_missing

SOMETHING = ["the command `ip`: install iproute2", "/dev/net/tun: as root, modprobe tun"]


def test_where_nothing_is_missing_the_test_runs() -> None:
    demand_all([], {"CI": "true"})


@pytest.mark.parametrize(
    ("environment", "outcome"),
    [
        ({}, pytest.skip.Exception),
        ({"CI": "false"}, pytest.skip.Exception),
        ({"CI": "true"}, pytest.fail.Exception),
    ],
    ids=["at home", "not in CI", "in CI"],
)
def test_what_is_missing_is_told_and_is_a_failure_under_ci(
    environment: dict[str, str], outcome: type[BaseException]
) -> None:
    # Both are caught: a skip that got through would skip this very test.
    with pytest.raises((pytest.skip.Exception, pytest.fail.Exception)) as told:
        demand_all(SOMETHING, environment)
    assert told.type is outcome
    assert str(told.value) == f"the lab needs {SOMETHING[0]}; {SOMETHING[1]}"


def test_each_lack_has_a_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(requirements, "TUN_DEVICE", str(tmp_path / "tun"))
    monkeypatch.setattr(requirements, "_effective_capabilities", lambda: 1 << 12)
    capabilities, command, device = what_is_missing()
    assert capabilities.startswith("CAP_SYS_ADMIN: run the tests as root")
    assert command.startswith("the command `ip`: install iproute2")
    assert device.startswith(f"{tmp_path}/tun: as root, modprobe tun")
