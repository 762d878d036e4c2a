import ctypes
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hartig_node import clock as clock_module
from hartig_node.clock import Clock, founding_ms, is_synchronised
from hartig_node.reckoning import RELEASE_MS, Source
from hartig_protocol.limits import DAY_MS

BOOT_1970_S = 42.0
TRUE_S = RELEASE_MS / 1000 + 86_400
TRUE_MS = int(TRUE_S * 1000)


@dataclass
class Machine:
    """A machine whose clocks the test turns."""

    wall_s: float = BOOT_1970_S
    synchronised: bool = False
    steady_s: float = 100.0
    asked: int = field(default=0)

    def clock(self, trust: str = "auto") -> Clock:
        return Clock(trust, lambda: self.wall_s, lambda: self.steady_s, self._ask)  # type: ignore[arg-type]

    def _ask(self) -> bool:
        self.asked += 1
        return self.synchronised

    def run(self, span_s: float) -> None:
        self.wall_s += span_s
        self.steady_s += span_s


def test_a_synchronised_clock_is_believed() -> None:
    clock = Machine(TRUE_S, synchronised=True).clock()
    now = clock.now()
    assert (now.wall_ms, now.trusted, now.first_hand) == (TRUE_MS, True, True)
    assert (clock.is_trusted(), repr(clock)) == (True, "<Clock system>")


def test_a_board_that_boots_in_1970_goes_on_from_what_its_store_knows() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.start_from(TRUE_MS, 0)
    assert (clock.now().wall_ms, clock.now().trusted) == (TRUE_MS, False)
    machine.run(60)
    assert clock.now().wall_ms == TRUE_MS + 60_000


def test_no_untrusted_clock_lies_before_the_release() -> None:
    assert Machine().clock().now().wall_ms == RELEASE_MS


def test_seeing_our_own_stamp_again_does_not_make_time_run_ahead() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.run(60)
    stamp_ms = clock.now().wall_ms
    clock.saw(stamp_ms)
    clock.saw(stamp_ms)
    assert clock.now().wall_ms == stamp_ms
    clock.saw(stamp_ms + 5)
    assert clock.now().wall_ms == stamp_ms + 5


@pytest.mark.parametrize(("trust", "trusted"), [("trusted", True), ("untrusted", False)])
def test_what_the_settings_say_wins(trust: str, trusted: bool) -> None:
    machine = Machine(TRUE_S, synchronised=not trusted)
    assert machine.clock(trust).now().trusted is trusted
    assert machine.asked == 0


def test_the_system_is_asked_again_only_after_a_while() -> None:
    machine = Machine(TRUE_S)
    clock = machine.clock()
    for _ in range(5):
        clock.now()
        clock.reading()
    assert machine.asked == 1
    machine.synchronised = True
    machine.run(31)
    assert clock.now().trusted
    assert machine.asked == 2


def test_between_two_looks_time_runs_on() -> None:
    machine = Machine(TRUE_S, synchronised=True)
    clock = machine.clock()
    for _ in range(20):
        assert clock.now().wall_ms == int(machine.wall_s * 1000)
        assert clock.now().steady_ms == int(machine.steady_s * 1000)
        machine.run(0.25)


def test_a_clock_that_is_set_between_two_looks_is_noticed_at_once() -> None:
    machine = Machine(TRUE_S, synchronised=True)
    clock = machine.clock()
    clock.now()
    machine.synchronised = False
    machine.wall_s += 3 * 365 * 86_400
    assert clock.now().wall_ms == TRUE_MS + 3 * 365 * DAY_MS, "the system still says that it is right"
    machine.run(31)
    machine.wall_s = TRUE_S
    assert not clock.now().trusted


def test_three_hubs_make_it_trusted_second_hand_and_wake_whoever_waits() -> None:
    woken: list[bool] = []
    clock = Machine().clock("untrusted")
    clock.on_trust = lambda: woken.append(clock.is_trusted())
    for number in range(3):
        assert not clock.now().trusted
        clock.heard(bytes([number]) * 32, TRUE_MS, trusted=True)
    now = clock.now()
    assert (now.wall_ms, now.trusted, now.first_hand) == (TRUE_MS, True, False)
    assert woken == [False, False, True]


def test_a_hub_whose_word_does_not_count_any_more_is_forgotten() -> None:
    clock = Machine().clock()
    for number in range(2):
        clock.heard(bytes([number]) * 32, TRUE_MS, trusted=True)
    clock.retain(lambda hub: hub[0] == 1)
    clock.heard(bytes([2]) * 32, TRUE_MS, trusted=True)
    assert not clock.is_trusted()


Confirm = Callable[[Clock], None]


@pytest.mark.parametrize(
    ("confirm", "time_ms"),
    [(lambda clock: clock.confirm(), RELEASE_MS), (lambda clock: clock.confirm(TRUE_MS), TRUE_MS)],
)
def test_a_person_can_say_that_the_time_shown_is_right_or_what_it_is(confirm: Confirm, time_ms: int) -> None:
    clock = Machine().clock()
    confirm(clock)
    assert (clock.now().wall_ms, clock.now().trusted, clock.now().first_hand) == (time_ms, True, True)
    assert clock.reading().source is Source.PERSON


def test_to_confirm_what_a_time_service_says_changes_nothing() -> None:
    clock = Machine(TRUE_S, synchronised=True).clock()
    clock.confirm()
    assert clock.reading().source is Source.SYSTEM


def test_while_it_is_held_back_the_core_may_expire_nothing_but_true_dates_are_known() -> None:
    clock = Machine(TRUE_S, synchronised=True).clock()
    assert clock.now().trusted
    clock.hold_back()
    assert (clock.is_held_back, clock.now().trusted, clock.reading().trusted) == (True, False, True)
    assert clock.now().wall_ms == TRUE_MS
    assert repr(clock) == "<Clock system held back>"
    clock.let_go()
    assert clock.now().trusted


def test_a_time_that_went_back_is_logged_and_followed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    machine = Machine(TRUE_S, synchronised=True)
    clock = machine.clock()
    clock.start_from(TRUE_MS + DAY_MS, 0)
    assert clock.now().wall_ms == TRUE_MS
    assert "the time went back by 86400 seconds (now by: system)" in caplog.text
    assert "the time is vouched for by: system" in caplog.text
    caplog.clear()
    machine.run(100)
    clock.now()
    assert caplog.text == ""


# --- What the system says


class LibC:
    def __init__(self, state: int) -> None:
        self.state = state

    def adjtimex(self, room: ctypes.Array[ctypes.c_char]) -> int:
        assert len(room) >= 208
        return self.state


@pytest.mark.parametrize(("state", "answer"), [(0, True), (4, True), (5, False), (-1, False)])
def test_the_kernel_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, state: int, answer: bool) -> None:
    monkeypatch.setattr(clock_module, "_TIMESYNC_MARK", tmp_path / "synchronized")
    monkeypatch.setattr(clock_module, "_LIBC", LibC(state))
    assert is_synchronised() is answer
    (tmp_path / "synchronized").touch()
    assert is_synchronised()


def test_the_real_kernel_answers() -> None:
    assert is_synchronised() in (True, False)
    assert founding_ms() >= RELEASE_MS
