import pytest

from hartig_node.clock import RELEASE_MS, Clock

BOOT_1970_S = 42.0
TRUE_S = RELEASE_MS / 1000 + 86_400


def clock_at(wall_s: float, *, synchronised: bool, seen_ms: int = 0, steady: list[float] | None = None) -> Clock:
    ticks = steady or [100.0]
    return Clock("auto", seen_ms, lambda: wall_s, lambda: ticks[0], lambda: synchronised)


def test_a_synchronised_clock_is_believed() -> None:
    now = clock_at(TRUE_S, synchronised=True).now()
    assert (now.wall_ms, now.trusted) == (int(TRUE_S * 1000), True)


def test_a_board_that_boots_in_1970_takes_the_newest_time_it_knows_and_counts_on() -> None:
    steady = [100.0]
    clock = clock_at(BOOT_1970_S, synchronised=False, seen_ms=RELEASE_MS + 5_000, steady=steady)
    assert (clock.now().wall_ms, clock.now().trusted) == (RELEASE_MS + 5_000, False)
    steady[0] += 60
    assert clock.now().wall_ms == RELEASE_MS + 65_000


def test_no_untrusted_clock_lies_before_the_release() -> None:
    assert clock_at(BOOT_1970_S, synchronised=False).now().wall_ms == RELEASE_MS


def test_seeing_our_own_stamp_again_does_not_make_time_run_ahead() -> None:
    steady = [100.0]
    clock = clock_at(BOOT_1970_S, synchronised=False, steady=steady)
    steady[0] += 60
    stamp_ms = clock.now().wall_ms
    clock.saw(stamp_ms)
    clock.saw(stamp_ms)
    assert clock.now().wall_ms == stamp_ms


@pytest.mark.parametrize(("trust", "trusted"), [("trusted", True), ("untrusted", False)])
def test_what_a_person_says_wins(trust: str, trusted: bool) -> None:
    clock = Clock(trust, 0, lambda: TRUE_S, lambda: 0.0, lambda: not trusted)  # type: ignore[arg-type]
    assert clock.now().trusted is trusted


def test_the_system_is_asked_again_only_after_a_while() -> None:
    asked: list[bool] = []
    steady = [0.0]

    def synchronised() -> bool:
        asked.append(True)
        return False

    clock = Clock("auto", 0, lambda: TRUE_S, lambda: steady[0], synchronised)
    for _ in range(5):
        clock.now()
    steady[0] += 31
    clock.now()
    assert len(asked) == 2
