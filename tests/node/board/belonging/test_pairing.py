"""Set-up codes and paired devices, on a real engine and a clock that only the test moves."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from hartig_node.board.belonging.pairing import (
    ALPHABET,
    CODE_CHARACTERS,
    CODE_LIFE_MS,
    DEVICE_LIFE_MS,
    DEVICES_MAX,
    NAME_CHARACTERS_MAX,
    SPACE_DEVICE,
    WRONG_PER_CODE_MAX,
    DeskReport,
    Paired,
    Pairing,
)
from hartig_node.board.errors import BoardError
from hartig_protocol.events import PrivateRow
from support.boards import Bench, running_board

DAY_S = 86_400
WRONG = "0000-0000-0000"


async def paired(bench: Bench, name: str = "Phone") -> tuple[str, Paired]:
    """Pair a device; return its secret and what the board knows of it."""
    pairing = bench.board.pairing
    secret = await pairing.pair((await pairing.make_code()).code, name)
    assert secret is not None
    device = await pairing.check(secret)
    assert device is not None
    return secret, device


async def wrong(bench: Bench, count: int) -> None:
    for _ in range(count):
        assert await bench.board.pairing.pair(WRONG, "") is None


# --- Codes


async def test_a_code_has_twelve_characters_in_groups_that_nobody_misreads(bench: Bench) -> None:
    made = await bench.board.pairing.make_code()
    groups = made.code.split("-")
    assert [len(group) for group in groups] == [4, 4, 4]
    assert set("".join(groups)) <= set(ALPHABET)
    assert len(ALPHABET) == 32
    assert not set("ILOU") & set(ALPHABET)
    assert made.until_ms == int(bench.time.wall_s * 1000) + CODE_LIFE_MS


@pytest.mark.parametrize("spell", [str.lower, lambda code: code.replace("-", " "), lambda code: f" {code}\n"])
async def test_a_code_is_taken_as_it_was_meant(bench: Bench, spell: object) -> None:
    made = await bench.board.pairing.make_code()
    assert callable(spell)
    assert await bench.board.pairing.pair(spell(made.code), "Phone")


async def test_letters_that_look_like_numbers_are_read_as_those(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = int.from_bytes(bytes(range(8)))
    monkeypatch.setattr(bench.board.context, "random_bytes", lambda count: (drawn & 0 | 1 << 5).to_bytes(count, "big"))
    made = await bench.board.pairing.make_code()
    assert made.code == "0100-0000-0000"
    assert await bench.board.pairing.pair("OL00-oOoO-0o00", "Phone")


async def test_a_code_is_good_for_one_device(bench: Bench) -> None:
    made = await bench.board.pairing.make_code()
    assert await bench.board.pairing.pair(made.code, "one")
    assert await bench.board.pairing.pair(made.code, "two") is None
    assert bench.board.pairing.code_until_ms is None


async def test_there_is_one_code_at_a_time(bench: Bench) -> None:
    first = await bench.board.pairing.make_code()
    second = await bench.board.pairing.make_code()
    assert await bench.board.pairing.pair(first.code, "") is None
    assert await bench.board.pairing.pair(second.code, "")


async def test_a_code_is_good_for_fifteen_minutes_powered_on_whatever_the_clock_says(bench: Bench) -> None:
    pairing = bench.board.pairing
    made = await pairing.make_code()
    bench.time.wall_s += 5 * DAY_S  # the clock was set
    bench.time.steady_s += CODE_LIFE_MS / 1000 - 1
    assert pairing.code_left_ms == 1000
    bench.time.steady_s += 1
    assert pairing.code_left_ms is None
    assert await pairing.pair(made.code, "") is None


async def test_a_restart_voids_a_code(bench: Bench) -> None:
    made = await bench.board.pairing.make_code()
    again = Pairing(bench.board.context)
    await again.load()
    assert not again.is_wanted
    assert await again.pair(made.code, "") is None
    assert not [key for (space, key) in bench.store.disk.private if space == SPACE_DEVICE]


async def test_a_code_is_void_after_so_many_wrong_tries(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hartig_node.board.belonging.pairing.WRONG_PER_CODE_MAX", 10)
    pairing = bench.board.pairing
    made = await pairing.make_code()
    await wrong(bench, 9)
    assert pairing.is_wanted
    await wrong(bench, 1)
    assert not pairing.is_wanted
    assert await pairing.pair(made.code, "") is None
    fresh = await pairing.make_code()
    await wrong(bench, 9)
    assert await pairing.pair(fresh.code, "")


async def test_wrong_tries_while_there_is_no_code_count_for_none(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hartig_node.board.belonging.pairing.WRONG_PER_CODE_MAX", 10)
    await wrong(bench, 20)
    made = await bench.board.pairing.make_code()
    assert await bench.board.pairing.pair(made.code, "")


def test_nobody_guesses_a_code_in_its_life() -> None:
    assert WRONG_PER_CODE_MAX / len(ALPHABET) ** CODE_CHARACTERS < 1e-9


async def test_a_switched_off_desk_makes_no_code(bench: Bench) -> None:
    async def off() -> DeskReport:
        return DeskReport("off")

    bench.board.pairing.look_at_door = off
    with pytest.raises(BoardError) as caught:
        await bench.board.pairing.make_code()
    assert "desk = true" in caught.value.hint
    assert not bench.board.pairing.is_wanted


# --- Devices


async def test_a_device_has_the_name_that_it_brings_or_that_of_its_code(bench: Bench) -> None:
    pairing = bench.board.pairing
    pairs = [("of the code", ""), ("of the code", "own"), (None, ""), ("x \u202e\ny", " \x07"), (None, "z" * 99)]
    for named, typed in pairs:
        made = await pairing.make_code(named)
        await pairing.pair(made.code, typed)
    names = [device.name for device in await pairing.list()]
    assert sorted(names) == sorted(["of the code", "own", "Device", "x y", "z" * NAME_CHARACTERS_MAX])


async def test_a_secret_is_kept_as_a_hash_only(bench: Bench) -> None:
    secret, _ = await paired(bench)
    kept = [key + value[0] for (_, key), value in bench.store.disk.private.items()]
    assert not any(secret.encode() in row for row in kept)


@pytest.mark.parametrize("guess", ["", "x", "A" * 43, "x" * 10_000, "\udcff" * 3])
async def test_a_guess_opens_nothing(bench: Bench, guess: str) -> None:
    await paired(bench)
    assert await bench.board.pairing.check(guess) is None


async def test_a_device_is_known_again_after_a_restart(bench: Bench) -> None:
    secret, device = await paired(bench)
    again = Pairing(bench.board.context)
    assert await again.check(secret) is None
    await again.load()
    assert await again.check(secret) == device
    assert again.is_wanted


async def test_a_session_slides_with_use_and_is_written_at_most_once_a_day(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, device = await paired(bench)
    writes = []
    keep = bench.board.context.keep_private
    monkeypatch.setattr(bench.board.context, "keep_private", lambda rows: writes.append(rows) or keep(rows))
    renewed = []
    for _ in range(48):
        bench.time.advance(3600)
        used = await bench.board.pairing.check(secret)
        assert used is not None
        renewed.append(used.is_renewed)
    assert len(writes) == renewed.count(True) == 2
    assert used.until_ms - device.until_ms == 2 * DAY_S * 1000
    assert await Pairing(bench.board.context).list() == []
    again = Pairing(bench.board.context)
    await again.load()
    assert (await again.list())[0].until_ms == used.until_ms


async def test_a_session_that_nobody_uses_is_over_after_ninety_days(bench: Bench) -> None:
    secret, device = await paired(bench)
    assert device.until_ms - device.since_ms == DEVICE_LIFE_MS
    bench.time.advance(DEVICE_LIFE_MS / 1000)
    assert await bench.board.pairing.check(secret) is None
    assert await bench.board.pairing.list() == []
    assert not bench.board.pairing.is_wanted


async def test_who_does_not_know_the_time_lets_no_session_end() -> None:
    async with running_board(trusted=False) as bench:
        secret, _ = await paired(bench)
        bench.time.advance(2 * DEVICE_LIFE_MS / 1000)
        assert await bench.board.pairing.check(secret)


def kept_ends(bench: Bench) -> list[int | None]:
    """Return when the rows of devices expire."""
    rows = bench.store.disk.private.items()
    return [expires_ms for (space, _), (_, expires_ms) in rows if space == SPACE_DEVICE]


def learn_time(bench: Bench, years: int) -> int:
    """Let a person say that it is so much later than the clock thought; return the time."""
    now_ms = int((bench.time.wall_s + years * 365 * DAY_S) * 1000)
    bench.board.context.clock.confirm(now_ms)
    assert bench.board.context.clock.is_trusted()
    return now_ms


async def test_a_device_of_a_hub_without_the_time_is_dated_once_it_is_known() -> None:
    async with running_board(trusted=False) as bench:
        secret, _ = await paired(bench)
        assert kept_ends(bench) == [None]
        again = Pairing(bench.board.context)
        await again.load()
        bench.time.advance(2 * DAY_S)
        assert await again.check(secret)
        assert kept_ends(bench) == [None]
        now_ms = learn_time(bench, 30)
        device = await again.check(secret)
        assert device is not None
        assert device.is_renewed
        assert kept_ends(bench) == [device.until_ms] == [now_ms + DEVICE_LIFE_MS]
        bench.time.advance(DEVICE_LIFE_MS / 1000)
        assert await again.check(secret) is None


async def test_a_device_is_dated_also_where_the_guess_was_right() -> None:
    async with running_board(trusted=False) as bench:
        secret, _ = await paired(bench)
        now_ms = bench.board.context.clock.now().wall_ms
        bench.board.context.clock.confirm(now_ms)
        assert await bench.board.pairing.check(secret)
        assert kept_ends(bench) == [now_ms + DEVICE_LIFE_MS]


async def test_a_device_that_nobody_uses_is_dated_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_board(trusted=False) as bench:
        pairing = bench.board.pairing
        await paired(bench)
        await pairing.tidy()
        assert kept_ends(bench) == [None]
        now_ms = learn_time(bench, 30)
        with monkeypatch.context() as broken:
            broken.setattr(bench.board.context, "keep_private", full)
            await pairing.tidy()
        assert pairing.is_wanted
        await pairing.tidy()
        assert kept_ends(bench) == [now_ms + DEVICE_LIFE_MS]
        bench.time.advance(DEVICE_LIFE_MS / 1000)
        assert not pairing.is_wanted


async def test_a_dated_device_keeps_its_date_while_the_time_is_not_known(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, device = await paired(bench)
    clock = bench.board.context.clock
    monkeypatch.setattr(clock, "now", lambda now=clock.now: replace(now(), trusted=False))
    bench.time.advance(2 * DAY_S)
    used = await bench.board.pairing.check(secret)
    assert used is not None
    assert (used.until_ms, used.is_renewed) == (device.until_ms, True)  # the browser's cookie goes on
    again = await bench.board.pairing.check(secret)
    assert again is not None
    assert not again.is_renewed
    assert kept_ends(bench) == [device.until_ms]


async def test_a_device_from_a_clock_that_was_ahead_gets_a_true_date(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, ahead_ms = bench.board.context.clock, 3650 * DAY_S * 1000
    with monkeypatch.context() as ahead:
        ahead.setattr(clock, "now", lambda now=clock.now: replace(now(), wall_ms=now().wall_ms + ahead_ms))
        secret, device = await paired(bench)
    used = await bench.board.pairing.check(secret)
    assert used is not None
    assert device.until_ms - used.until_ms == ahead_ms
    assert kept_ends(bench) == [used.until_ms]


async def full(_rows: object) -> None:
    raise BoardError("disk_full", "full")


async def test_a_full_disk_does_not_shut_the_desk(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    secret, _ = await paired(bench)
    monkeypatch.setattr(bench.board.context, "keep_private", full)
    bench.time.advance(2 * DAY_S)
    assert await bench.board.pairing.check(secret)
    made = await bench.board.pairing.make_code()
    with pytest.raises(BoardError, match="full"):
        await bench.board.pairing.pair(made.code, "")
    assert len(await bench.board.pairing.list()) == 1  # what is not durable was never paired


async def test_a_revoked_device_is_gone_at_once_and_after_a_restart(bench: Bench) -> None:
    pairing = bench.board.pairing
    secret, device = await paired(bench)
    other, _ = await paired(bench, "other")
    await pairing.revoke(device.id)
    assert await pairing.check(secret) is None
    assert await pairing.check(other)
    with pytest.raises(BoardError) as caught:
        await pairing.revoke(device.id)
    assert caught.value.code == "not_found"
    again = Pairing(bench.board.context)
    await again.load()
    assert [one.name for one in await again.list()] == ["other"]


@pytest.mark.parametrize("way", ["revoke", "tidy"])
async def test_a_device_revoked_on_a_full_disk_can_be_revoked_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    pairing = bench.board.pairing
    secret, device = await paired(bench)
    with monkeypatch.context() as broken:
        broken.setattr(bench.board.context, "keep_private", full)
        for _ in range(2):
            with pytest.raises(BoardError, match="full"):
                await pairing.revoke(device.id)
            assert await pairing.check(secret) is None
    await pairing.load()
    assert await pairing.check(secret) is None
    await (pairing.revoke(device.id) if way == "revoke" else pairing.tidy())
    assert kept_ends(bench) == []
    with pytest.raises(BoardError) as caught:
        await pairing.revoke(device.id)
    assert caught.value.code == "not_found"


async def test_a_device_revoked_while_it_is_renewed_does_not_come_in(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairing = bench.board.pairing
    secret, device = await paired(bench)
    keep = bench.board.context.keep_private

    async def revoked_meanwhile(rows: Sequence[PrivateRow]) -> None:
        monkeypatch.setattr(bench.board.context, "keep_private", keep)
        await keep(rows)
        await pairing.revoke(device.id)

    monkeypatch.setattr(bench.board.context, "keep_private", revoked_meanwhile)
    bench.time.advance(2 * DAY_S)
    assert await pairing.check(secret) is None
    assert kept_ends(bench) == []


async def test_devices_that_are_over_are_forgotten_when_another_comes(bench: Bench) -> None:
    await paired(bench)
    bench.time.advance(DEVICE_LIFE_MS / 1000)
    await bench.board.pairing.make_code()
    assert repr(bench.board.pairing) == "<Pairing 0 devices, a code>"


async def test_devices_have_a_bound(bench: Bench) -> None:
    for number in range(DEVICES_MAX):
        await paired(bench, f"{number}")
    with pytest.raises(BoardError) as caught:
        await bench.board.pairing.make_code()
    assert caught.value.code == "too_many"
    await bench.board.pairing.revoke((await bench.board.pairing.list())[0].id)
    assert await bench.board.pairing.make_code()


# --- The door


async def test_the_door_is_wanted_while_somebody_could_come_in(bench: Bench) -> None:
    pairing = bench.board.pairing
    told: list[bool] = []
    pairing.on_wanted = told.append
    assert not pairing.is_wanted
    made = await pairing.make_code()
    assert told == [True]
    bench.time.advance(CODE_LIFE_MS / 1000)
    assert not pairing.is_wanted
    made = await pairing.make_code()
    await pairing.pair(made.code, "")
    assert told == [True, True, True]
    await pairing.revoke((await pairing.list())[0].id)
    assert told[-1] is False


async def test_the_door_is_wanted_at_every_moment_of_a_pairing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    pairing = bench.board.pairing
    made = await pairing.make_code()
    keep, seen = bench.board.context.keep_private, []
    monkeypatch.setattr(bench.board.context, "keep_private", lambda rows: seen.append(pairing.is_wanted) or keep(rows))
    await pairing.pair(made.code, "")
    assert seen == [True]


def test_a_repr_tells_no_secret(bench: Bench) -> None:
    assert repr(bench.board.pairing) == "<Pairing 0 devices, no code>"
