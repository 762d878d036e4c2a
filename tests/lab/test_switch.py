"""Real frames of real hosts through the switch: what is asked of a cable is what the hosts notice."""

import pytest

from lab.hosts import Host, Lab
from lab.processes import HostProcess
from lab.small_talk import GROUP, ask, listen, say
from lab.switch import INTERFACE_NAME_BYTES_MAX, Switch, SwitchClock, open_tap
from lab.switching import PERFECT, Cable


def test_a_clock_that_is_held_moves_only_by_hand_and_runs_on_from_there() -> None:
    machine_s = [100.0]
    clock = SwitchClock(lambda: machine_s[0])
    assert (clock.now_s(), clock.held) == (100.0, False)
    clock.hold()
    machine_s[0] = 150.0
    assert (clock.now_s(), clock.held) == (100.0, True)
    clock.advance(5.0)
    assert clock.now_s() == 105.0
    clock.run()
    machine_s[0] = 151.0
    assert (clock.now_s(), clock.held) == (106.0, False)


def test_a_clock_that_runs_is_not_moved_by_hand() -> None:
    with pytest.raises(RuntimeError, match="hold it before"):
        SwitchClock(lambda: 0.0).advance(1.0)


def test_a_long_interface_name_is_refused_before_the_kernel_cuts_it() -> None:
    with pytest.raises(ValueError, match="interface name"):
        open_tap("x" * (INTERFACE_NAME_BYTES_MAX + 1))


async def test_a_stopped_switch_is_not_waited_for() -> None:
    switch = Switch(seed=1)
    switch.stop()
    with pytest.raises(RuntimeError, match="not running"):
        await switch.until(lambda counts: False)


async def test_waiting_in_vain_tells_the_counts() -> None:
    switch = Switch(seed=1)
    try:
        with pytest.raises(TimeoutError, match=r"the counts are \{\}"):
            await switch.until(lambda counts: False, timeout_s=0.01)
    finally:
        switch.stop()


async def pair(lab: Lab) -> tuple[Host, Host, HostProcess]:
    """Two hosts that know each other's hardware address, so that later only what is sent is on the wire."""
    speaker, listener = lab.add_hosts(2)
    ear = await listen(lab, listener)
    await ask(lab, speaker, listener.address, "hello")
    return speaker, listener, ear


@pytest.mark.lab
async def test_two_hosts_hear_each_other(lab: Lab) -> None:
    speaker, listener, ear = await pair(lab)
    assert await ask(lab, speaker, listener.address, "good day") == f"good day from {listener.address}"
    assert await ear.line_with("good day") == f"heard good day from {speaker.address}"


@pytest.mark.lab
async def test_ten_hosts_hear_each_other(lab: Lab) -> None:
    hosts = lab.add_hosts(10)
    ear = await listen(lab, hosts[0])
    for host in hosts[1:]:
        await say(lab, host, hosts[0].address, f"this is {host}.")
    for host in hosts[1:]:
        await ear.line_with(f"heard this is {host}. from {host.address}")


@pytest.mark.lab
async def test_a_cable_that_loses_everything_carries_nothing(lab: Lab) -> None:
    speaker, listener, ear = await pair(lab)
    lab.set_cable(listener, Cable(loss=1.0))
    lost = lab.switch.counts()[listener.name].lost
    await say(lab, speaker, listener.address, "lost 1", "lost 2", "lost 3")
    await lab.switch.until(lambda counts: counts[listener.name].lost >= lost + 3)
    lab.set_cable(listener, PERFECT)
    await ask(lab, speaker, listener.address, "found")
    await ear.line_with("heard found")
    assert "lost" not in ear.output


@pytest.mark.lab
async def test_a_cable_that_doubles_everything_is_heard_twice(lab: Lab) -> None:
    speaker, listener, ear = await pair(lab)
    lab.set_cable(listener, Cable(duplication=1.0))
    await say(lab, speaker, listener.address, "twice")
    await say(lab, speaker, listener.address, "end")
    await ear.line_with("heard end")
    assert ear.output.count("heard twice") == 2


@pytest.mark.lab
async def test_a_partition_stops_and_heals(lab: Lab) -> None:
    speaker, listener, ear = await pair(lab)
    friend = lab.add_host("friend")
    lab.partition([speaker], [listener, friend])
    partitioned = lab.switch.counts()[speaker.name].partitioned
    await say(lab, speaker, listener.address, "cut off")
    await lab.switch.until(lambda counts: counts[speaker.name].partitioned > partitioned)
    assert await ask(lab, friend, listener.address, "still here") == f"still here from {listener.address}"
    lab.heal()
    assert await ask(lab, speaker, listener.address, "back") == f"back from {listener.address}"
    await ear.line_with("heard back")
    assert "cut off" not in ear.output


@pytest.mark.lab
async def test_a_delayed_frame_arrives_when_the_switch_says_so(lab: Lab) -> None:
    speaker, listener, ear = await pair(lab)
    lab.switch.hold_time()
    lab.set_cable(listener, Cable(delay_s=3600.0))
    before = lab.switch.counts()[listener.name]
    await say(lab, speaker, listener.address, "slow")
    await lab.switch.until(lambda counts: counts[listener.name].delayed > before.delayed)
    lab.switch.advance(3599.0)
    assert lab.switch.counts()[listener.name].delivered == before.delivered
    assert "slow" not in ear.output
    lab.switch.advance(1.0)
    await ear.line_with("heard slow")


@pytest.mark.lab
async def test_a_delayed_frame_arrives_by_itself_when_time_runs(lab: Lab) -> None:
    speaker, listener, ear = await pair(lab)
    lab.set_cable(listener, Cable(delay_s=0.05, jitter_s=0.05))
    before = lab.switch.counts()[listener.name]
    await say(lab, speaker, listener.address, "slow")
    await ear.line_with("heard slow")
    assert lab.switch.counts()[listener.name].delayed > before.delayed


@pytest.mark.lab
async def test_multicast_reaches_all(lab: Lab) -> None:
    speaker, *others = lab.add_hosts(4)
    ears = [await listen(lab, host) for host in others]
    await say(lab, speaker, GROUP, "to all")
    for ear in ears:
        assert await ear.line_with("to all") == f"heard to all from {speaker.address}"


@pytest.mark.lab
async def test_a_host_without_multicast_hears_only_what_is_meant_for_it(lab: Lab) -> None:
    speaker, listener, deaf = lab.add_hosts(3)
    ears = {host: await listen(lab, host) for host in (listener, deaf)}
    lab.set_cable(deaf, Cable(multicast=False))
    await say(lab, speaker, GROUP, "to all")
    await ears[listener].line_with("heard to all")
    await ask(lab, speaker, deaf.address, "to you")
    await ears[deaf].line_with("heard to you")
    assert "to all" not in ears[deaf].output


@pytest.mark.lab
async def test_nobody_hears_the_multicast_of_a_host_without(lab: Lab) -> None:
    mute, listener = lab.add_hosts(2)
    ear = await listen(lab, listener)
    lab.set_cable(mute, Cable(multicast=False))
    await say(lab, mute, GROUP, "to all")
    await ask(lab, mute, listener.address, "to you")
    await ear.line_with("heard to you")
    assert "to all" not in ear.output


@pytest.mark.lab
async def test_an_unplugged_host_is_gone_and_the_others_go_on(lab: Lab) -> None:
    speaker, listener, _ = await pair(lab)
    friend = lab.add_host("friend")
    lab.switch.unplug(friend.name)
    assert "lan0" not in (await lab.run_to_end(friend, ["ip", "-o", "link"])).out
    assert await ask(lab, speaker, listener.address, "and you?") == f"and you? from {listener.address}"
