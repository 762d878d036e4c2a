"""Hosts come, change their address, lose their interface and get one."""

import pytest

from lab.hosts import Host, Lab
from lab.namespaces import LabError
from lab.small_talk import PYTHON, ask, listen

pytestmark = pytest.mark.lab


async def addresses(lab: Lab, host: Host) -> str:
    return (await lab.run_to_end(host, ["ip", "-o", "-4", "addr", "show", "up"])).out


async def test_a_changed_address_is_heard_and_the_old_one_is_gone(lab: Lab) -> None:
    ana, ben = lab.add_hosts(2)
    ear = await listen(lab, ana)
    old = ana.address
    lab.change_address(ana, "10.83.0.200")
    assert ana.address == "10.83.0.200"
    assert await ask(lab, ben, "10.83.0.200", "moved?") == "moved? from 10.83.0.200"
    assert f"{old}/" not in await addresses(lab, ana)
    await listen_again(lab, ben, ana)
    await ear.line_with("heard moved?")


async def listen_again(lab: Lab, listener: Host, speaker: Host) -> None:
    """The other direction: what `speaker` sends comes from its new address."""
    ear = await listen(lab, listener)
    await ask(lab, speaker, listener.address, "and back")
    assert await ear.line_with("and back") == f"heard and back from {speaker.address}"


async def test_multicast_works_after_a_changed_address(lab: Lab) -> None:
    ana, ben = lab.add_hosts(2)
    lab.change_address(ana, "10.83.0.200")
    routes = await lab.run_to_end(ana, ["ip", "route"])
    assert "224.0.0.0/4 dev lan0" in routes.out
    await listen_again(lab, ben, ana)


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("10.83.0.2", "h2's address already"),
        ("10.84.0.9", "no host address of the lab's network"),
        ("10.83.0.255", "no host address of the lab's network"),
    ],
)
async def test_an_address_that_cannot_be_is_refused(lab: Lab, address: str, complaint: str) -> None:
    ana, _ = lab.add_hosts(2)
    with pytest.raises(LabError, match=complaint):
        lab.change_address(ana, address)


async def test_a_host_without_interface_at_start_has_only_itself_and_joins_later(lab: Lab) -> None:
    late = lab.add_host("late", attached=False)
    (ana,) = lab.add_hosts(1)
    with pytest.raises(LabError, match="link_up first"):
        lab.change_address(late, "10.83.0.99")
    assert [line.split()[3] for line in (await addresses(lab, late)).splitlines()] == ["127.0.0.1/8"]
    # A server that was there before the interface is reached once the interface is.
    await listen(lab, late)
    lab.link_up(late)
    assert late.attached
    assert await ask(lab, ana, late.address, "welcome") == f"welcome from {late.address}"


async def test_an_interface_goes_down_and_comes_back(lab: Lab) -> None:
    ana, ben = lab.add_hosts(2)
    await listen(lab, ana)
    await ask(lab, ben, ana.address, "before")
    lab.link_down(ana)
    refused = lab.switch.counts()[ana.name].link_down
    unreachable = await lab.run_to_end(ana, ["ip", "route", "get", ben.address])
    assert "unreachable" in unreachable.err
    await lab.run_to_end(ben, [*PYTHON, _to_nobody(ana.address)])
    await lab.switch.until(lambda counts: counts[ana.name].link_down > refused)
    lab.link_up(ana)
    assert await ask(lab, ben, ana.address, "after") == f"after from {ana.address}"


def _to_nobody(address: str) -> str:
    return f"import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'anybody?', ('{address}', 9))"


async def test_hosts_have_a_loopback_of_their_own(lab: Lab) -> None:
    ana, ben = lab.add_hosts(2)
    ears = {host: await listen(lab, host) for host in (ana, ben)}
    for host in (ana, ben):
        assert await ask(lab, host, "127.0.0.1", f"only {host}") == f"only {host} from 127.0.0.1"
        await ears[host].line_with(f"heard only {host}")
    assert "only h2" not in ears[ana].output
    assert "only h1" not in ears[ben].output


async def test_a_link_local_address_is_fixed_and_ready_at_once(lab: Lab) -> None:
    _, ben = lab.add_hosts(2)
    shown = (await lab.run_to_end(ben, ["ip", "-o", "-6", "addr", "show", "lan0"])).out
    assert "fe80::2/64" in shown
    assert "tentative" not in shown


@pytest.mark.parametrize("name", ["", "Ana", "a b", "x" * 17, "../up"])
async def test_a_host_name_that_cannot_name_a_folder_is_refused(lab: Lab, name: str) -> None:
    with pytest.raises(LabError, match="1 to 16 small letters"):
        lab.add_host(name)


async def test_a_host_is_added_once(lab: Lab) -> None:
    lab.add_host("ana")
    with pytest.raises(LabError, match="already has a host ana"):
        lab.add_host("ana")
