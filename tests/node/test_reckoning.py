"""Every way in which a hub comes to know the time, as numbers: no clock, no waiting."""

import pytest

from hartig_node.reckoning import APART_MS_MAX, RELEASE_MS, TRUST_KEPT_MS, Moment, Reckoning, Source
from hartig_protocol.limits import DAY_MS, HOUR_MS, MINUTE_MS, TIME_LIFT_MS_MAX, TIMES_KEPT_MAX

TRUE_MS = RELEASE_MS + 200 * DAY_MS
BOOT_MS = 42_000  # 1970
YEARS_MS = 3 * 365 * DAY_MS
HUBS = [bytes([number]) * 32 for number in range(1, 9)]


class Machine:
    """A machine's two clocks and a reckoning on it."""

    def __init__(self, wall_ms: int, setting: str = "auto", *, synchronised: bool = False) -> None:
        self.at = Moment(wall_ms, 1_000)
        self.synchronised = synchronised
        self.reckoning = Reckoning(setting, self.at.steady_ms)  # type: ignore[arg-type]

    def run(self, span_ms: int) -> None:
        self.at = Moment(self.at.wall_ms + span_ms, self.at.steady_ms + span_ms)

    def set(self, wall_ms: int) -> None:
        """Somebody sets the system's clock."""
        self.at = Moment(wall_ms, self.at.steady_ms)

    def hear(self, *times_ms: int, trusted: bool = True) -> None:
        for hub, time_ms in zip(HUBS, times_ms, strict=False):
            self.reckoning.heard(hub, time_ms, self.at, trusted=trusted)

    def read(self) -> tuple[int, Source]:
        reading = self.reckoning.read(self.at, synchronised=self.synchronised)
        assert reading.trusted == (reading.source is not Source.NOBODY)
        return reading.wall_ms, reading.source


def machine_trusted_by_hubs(wall_ms: int = BOOT_MS) -> Machine:
    machine = Machine(wall_ms)
    machine.hear(TRUE_MS, TRUE_MS, TRUE_MS)
    assert machine.read() == (TRUE_MS, Source.HUBS)
    return machine


# --- Nobody vouches


@pytest.mark.parametrize("wall_ms", [0, BOOT_MS, RELEASE_MS - YEARS_MS, TRUE_MS, TRUE_MS + YEARS_MS])
@pytest.mark.parametrize("setting", ["auto", "untrusted"])
def test_what_the_system_says_without_vouching_for_it_moves_nothing(wall_ms: int, setting: str) -> None:
    machine = Machine(wall_ms, setting)
    machine.run(HOUR_MS)
    assert machine.read() == (RELEASE_MS + HOUR_MS, Source.NOBODY)


@pytest.mark.parametrize(
    ("known_ms", "stamp_ms", "time_ms"),
    [
        (None, 0, RELEASE_MS),
        (None, RELEASE_MS + 300 * DAY_MS, RELEASE_MS + 300 * DAY_MS),  # a store of an earlier release
        (TRUE_MS, 0, TRUE_MS),
        (TRUE_MS, TRUE_MS - DAY_MS, TRUE_MS),
        (TRUE_MS, TRUE_MS + HOUR_MS, TRUE_MS + HOUR_MS),
        (TRUE_MS, TRUE_MS + YEARS_MS, TRUE_MS + TIME_LIFT_MS_MAX),  # written on a day when the clock was years ahead
        (5, 0, RELEASE_MS),
    ],
)
def test_a_start_goes_on_from_what_the_store_knows(known_ms: int | None, stamp_ms: int, time_ms: int) -> None:
    machine = Machine(BOOT_MS)
    machine.reckoning.stored(known_ms, stamp_ms, machine.at)
    assert machine.read() == (time_ms, Source.NOBODY)


@pytest.mark.parametrize(
    ("stamp_ms", "time_ms"),
    [
        (0, RELEASE_MS),
        (RELEASE_MS + DAY_MS, RELEASE_MS + DAY_MS),
        (RELEASE_MS + YEARS_MS, RELEASE_MS + TIME_LIFT_MS_MAX),
    ],
)
def test_a_stamp_lifts_by_ninety_days_at_most_however_often_it_comes(stamp_ms: int, time_ms: int) -> None:
    machine = Machine(BOOT_MS)
    for _ in range(3):
        machine.reckoning.witnessed(stamp_ms, machine.at)
        assert machine.read() == (time_ms, Source.NOBODY)


def test_many_liars_lift_no_further_than_one() -> None:
    machine = Machine(BOOT_MS)
    machine.hear(*(TRUE_MS + number * YEARS_MS for number in range(1, 9)))
    machine.run(MINUTE_MS)
    assert machine.read() == (RELEASE_MS + TIME_LIFT_MS_MAX + MINUTE_MS, Source.NOBODY)


# --- The system


@pytest.mark.parametrize(
    ("setting", "synchronised", "source"),
    [
        ("auto", True, Source.SYSTEM),
        ("auto", False, Source.NOBODY),
        ("trusted", False, Source.PERSON),
        ("trusted", True, Source.PERSON),
        ("untrusted", True, Source.NOBODY),
    ],
)
def test_who_vouches_for_the_systems_clock(setting: str, synchronised: bool, source: Source) -> None:
    machine = Machine(TRUE_MS, setting, synchronised=synchronised)
    assert machine.read() == (TRUE_MS if source is not Source.NOBODY else RELEASE_MS, source)


@pytest.mark.parametrize("setting", ["auto", "trusted"])
def test_nobody_is_believed_who_puts_us_before_the_release(setting: str) -> None:
    assert Machine(BOOT_MS, setting, synchronised=True).read() == (RELEASE_MS, Source.NOBODY)


def test_a_clock_that_was_synchronised_is_believed_for_a_month() -> None:
    machine = Machine(TRUE_MS, synchronised=True)
    machine.read()
    machine.synchronised = False
    machine.run(TRUST_KEPT_MS)
    assert machine.read() == (TRUE_MS + TRUST_KEPT_MS, Source.SYSTEM)
    machine.run(1)
    assert machine.read() == (TRUE_MS + TRUST_KEPT_MS + 1, Source.NOBODY)


def test_a_clock_that_is_set_while_nobody_synchronises_it_is_not_believed_any_more() -> None:
    machine = Machine(TRUE_MS, synchronised=True)
    machine.read()
    machine.synchronised = False
    machine.run(HOUR_MS)
    machine.set(TRUE_MS + YEARS_MS)
    assert machine.read() == (TRUE_MS + HOUR_MS, Source.NOBODY)


def test_a_small_step_is_followed() -> None:
    machine = Machine(TRUE_MS, synchronised=True)
    machine.read()
    machine.synchronised = False
    machine.set(TRUE_MS + APART_MS_MAX)
    assert machine.read() == (TRUE_MS + APART_MS_MAX, Source.SYSTEM)


# --- Hubs


@pytest.mark.parametrize("wall_ms", [BOOT_MS, TRUE_MS - YEARS_MS, TRUE_MS + YEARS_MS, TRUE_MS])
def test_three_hubs_that_agree_are_believed_and_time_runs_on(wall_ms: int) -> None:
    machine = machine_trusted_by_hubs(wall_ms)
    machine.run(HOUR_MS)
    assert machine.read() == (TRUE_MS + HOUR_MS, Source.HUBS)


def test_what_was_heard_at_different_times_is_compared_at_one() -> None:
    machine = Machine(BOOT_MS)
    for number, hub in enumerate(HUBS[:3]):
        machine.reckoning.heard(hub, TRUE_MS + number * HOUR_MS, machine.at, trusted=True)
        machine.run(HOUR_MS)
    assert machine.read() == (TRUE_MS + 3 * HOUR_MS, Source.HUBS)


def test_one_hub_counts_once_and_its_last_word_counts() -> None:
    machine = Machine(BOOT_MS)
    for _ in range(3):
        machine.reckoning.heard(HUBS[0], TRUE_MS, machine.at, trusted=True)
    machine.hear(TRUE_MS, TRUE_MS)
    machine.reckoning.heard(HUBS[0], 0, machine.at, trusted=False)  # it has restarted, and knows nothing any more
    machine.reckoning.heard(HUBS[2], TRUE_MS, machine.at, trusted=True)
    assert machine.read()[1] is Source.NOBODY
    machine.reckoning.heard(HUBS[0], TRUE_MS, machine.at, trusted=True)
    assert machine.read() == (TRUE_MS, Source.HUBS)


@pytest.mark.parametrize(
    ("times_ms", "trusted"), [((TRUE_MS,) * 3, False), ((BOOT_MS,) * 3, True), ((RELEASE_MS - 1,) * 3, True)]
)
def test_hubs_that_do_not_know_the_time_or_cannot_do_not_count(times_ms: tuple[int, ...], trusted: bool) -> None:
    machine = Machine(BOOT_MS)
    machine.hear(*times_ms, trusted=trusted)
    assert machine.read() == (RELEASE_MS, Source.NOBODY)


def test_a_revoked_hubs_word_is_forgotten() -> None:
    machine = Machine(BOOT_MS)
    machine.hear(TRUE_MS, TRUE_MS)
    machine.reckoning.retain(lambda hub: hub != HUBS[0])
    machine.reckoning.heard(HUBS[2], TRUE_MS, machine.at, trusted=True)
    assert machine.read()[1] is Source.NOBODY


def test_only_so_many_hubs_are_remembered() -> None:
    machine = Machine(BOOT_MS)
    for number in range(TIMES_KEPT_MAX + 10):
        machine.reckoning.heard(number.to_bytes(32), RELEASE_MS + number * HOUR_MS, machine.at, trusted=True)
    assert f"{TIMES_KEPT_MAX} hubs heard" in repr(machine.reckoning)


def test_trust_by_hubs_ages_and_is_renewed_by_the_next_agreement() -> None:
    machine = machine_trusted_by_hubs()
    machine.run(TRUST_KEPT_MS)
    machine.hear(*[TRUE_MS + TRUST_KEPT_MS + 90_000] * 3)
    machine.run(TRUST_KEPT_MS)
    assert machine.read() == (TRUE_MS + 2 * TRUST_KEPT_MS + 90_000, Source.HUBS)
    machine.run(1)
    assert machine.read()[1] is Source.NOBODY


def test_answers_that_contradict_later_change_nothing_until_three_agree() -> None:
    machine = machine_trusted_by_hubs()
    machine.hear(TRUE_MS + YEARS_MS, TRUE_MS + 2 * YEARS_MS)
    assert machine.read() == (TRUE_MS, Source.HUBS)


@pytest.mark.parametrize("wall_ms", [BOOT_MS, TRUE_MS - DAY_MS, TRUE_MS + YEARS_MS])
def test_a_system_clock_that_is_set_voids_the_offset_and_what_was_heard(wall_ms: int) -> None:
    machine = machine_trusted_by_hubs(TRUE_MS - YEARS_MS)
    machine.run(HOUR_MS)
    machine.set(wall_ms)
    assert machine.read() == (TRUE_MS + HOUR_MS, Source.NOBODY)  # counted on from the last reading
    machine.hear(*[TRUE_MS + HOUR_MS] * 3)
    assert machine.read() == (TRUE_MS + HOUR_MS, Source.HUBS)


def test_a_machine_that_slept_asks_again() -> None:
    machine = machine_trusted_by_hubs()
    machine.set(machine.at.wall_ms + 8 * HOUR_MS)  # the steady clock stood still
    assert machine.read()[1] is Source.NOBODY


# --- Order of trust


def test_a_system_that_is_synchronised_later_drops_the_offset() -> None:
    machine = machine_trusted_by_hubs(TRUE_MS - YEARS_MS)
    machine.set(TRUE_MS + 5_000)
    machine.synchronised = True
    assert machine.read() == (TRUE_MS + 5_000, Source.SYSTEM)


def test_hubs_do_not_overrule_a_person_nor_the_system() -> None:
    machine = Machine(TRUE_MS, synchronised=True)
    machine.read()
    machine.hear(*[TRUE_MS + YEARS_MS] * 3)
    assert machine.read() == (TRUE_MS, Source.SYSTEM)
    machine = Machine(BOOT_MS)
    machine.reckoning.confirmed(TRUE_MS, machine.at)
    machine.hear(*[TRUE_MS + YEARS_MS] * 3)
    assert machine.read() == (TRUE_MS, Source.PERSON)


def test_a_person_overrules_hubs_and_the_system_overrules_both() -> None:
    machine = machine_trusted_by_hubs()
    machine.reckoning.confirmed(TRUE_MS + DAY_MS, machine.at)
    assert machine.read() == (TRUE_MS + DAY_MS, Source.PERSON)
    machine.synchronised = True
    machine.set(TRUE_MS)
    assert machine.read() == (TRUE_MS, Source.SYSTEM)


def test_a_persons_word_counts_until_the_clock_is_set() -> None:
    machine = Machine(BOOT_MS)
    machine.reckoning.confirmed(TRUE_MS, machine.at)
    machine.run(2 * TRUST_KEPT_MS)
    assert machine.read() == (TRUE_MS + 2 * TRUST_KEPT_MS, Source.PERSON)
    machine.set(BOOT_MS)
    assert machine.read() == (TRUE_MS + 2 * TRUST_KEPT_MS, Source.NOBODY)


def test_what_a_person_says_now_overrules_what_the_settings_say() -> None:
    machine = Machine(TRUE_MS - DAY_MS, "trusted")
    machine.read()
    machine.reckoning.confirmed(TRUE_MS, machine.at)
    assert machine.read() == (TRUE_MS, Source.PERSON)


def test_when_a_persons_word_is_void_the_hubs_that_were_heard_since_count() -> None:
    machine = Machine(BOOT_MS)
    machine.reckoning.confirmed(TRUE_MS + DAY_MS, machine.at)
    machine.run(MINUTE_MS)
    machine.set(TRUE_MS - DAY_MS)
    machine.hear(TRUE_MS, TRUE_MS, TRUE_MS)
    assert machine.read() == (TRUE_MS, Source.HUBS)
