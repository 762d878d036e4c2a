"""A file that is not what SQLite wrote is set aside; what can be read is kept."""

import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from hartig_node.store.damage import ASIDE_MS_MAX, ASIDE_WAITS_MS_MAX, SALVAGE_WAITS, salvage, set_aside
from hartig_protocol.events import Commit, Cursor, PrivateRow
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind
from node.store.arrivals import Arrivals, crashed_copy
from node.store.conftest import Opener
from support.records import NOW_MS, Network

NET = Network()
HUB = NET.hub(1)
RECORDS = [*NET.founding(1), *(NET.need(HUB, place=place, text="x" * (place * 40 + 1)) for place in range(120))]
PAGE = 4096


async def full_folder(opened: Opener, folder: Path) -> bytes:
    """Fill and close a store; return its epoch."""
    store = await opened(folder)
    commit = Arrivals().commit(*RECORDS)
    commit.private = [PrivateRow("signed", bytes([number]), b"%d" % number) for number in range(50)]
    commit.cursors = [Cursor(b"p" * 32, b"e" * 16, 9, b"c" * 16)]
    await store.commit(commit)
    while await store.index_some():
        pass
    epoch = (await store.load()).epoch
    await store.close()
    return epoch


def noise(path: Path, offset: int, length: int, seed: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(random.Random(seed).randbytes(length))


async def test_damage_at_any_place_is_survived_and_said(opened: Opener, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    epoch = await full_folder(opened, whole)
    wires = {record.wire for record in RECORDS}
    pages = (whole / "hartig.db").stat().st_size // PAGE
    kept_most = set_aside_count = 0
    places = [0, 100, PAGE - 200, *(page * PAGE for page in range(1, pages, pages // 8)), PAGE * (pages // 2) + 1700]
    for number, offset in enumerate(places):
        folder = tmp_path / f"damaged {number}"
        shutil.copytree(whole, folder)
        noise(folder / "hartig.db", offset, PAGE if offset else 64, number)
        store = await opened(folder)
        status = await store.status()
        if status.problems:
            set_aside_count += 1
            assert "damaged" in status.problems[0]
            assert "hartig.db.damaged-1" in status.problems[0]
            assert not status.clean_start
            loaded = await store.load()
            assert loaded.epoch != epoch
            assert (loaded.last_n, list(loaded.entries), list(loaded.cursors)) == (0, [], [])
            found = set(await store.salvaged())
            assert sum(wire in wires for wire in found) >= len(found) - 12  # a page of noise may hold a few
            kept_most += len(found & wires) > len(wires) * 3 // 4
            for key, value in await store.private_list("signed"):
                assert value == b"%d" % key[0]
            await store.commit(Arrivals().commit(*RECORDS))
        await store.close()
    assert set_aside_count > len(places) // 2
    assert kept_most > set_aside_count // 2


async def test_what_is_not_a_database_at_all_is_set_aside(opened: Opener, tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    folder.mkdir()
    (folder / "hartig.db").write_bytes(b"this is no database, but somebody's letter " * 500)
    store = await opened(folder)
    assert (folder / "hartig.db.damaged-1").read_bytes().startswith(b"this is no database")
    assert list(await store.salvaged()) == []
    await store.close()
    store = await opened(folder)
    assert await store.meta_get("damaged") == "hartig.db.damaged-1"


async def test_another_programs_database_is_set_aside_whole(opened: Opener, tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    folder.mkdir()
    other = sqlite3.connect(folder / "hartig.db")
    other.execute("CREATE TABLE letters (a)")
    other.execute("PRAGMA user_version=1")
    other.commit()
    other.close()
    store = await opened(folder)
    assert any("not a store of this program" in problem for problem in (await store.status()).problems)
    kept = sqlite3.connect(folder / "hartig.db.damaged-1")
    assert kept.execute("SELECT count(*) FROM letters").fetchone() == (0,)
    kept.close()


async def test_what_still_lies_in_the_log_is_salvaged_too(opened: Opener, tmp_path: Path) -> None:
    store = await opened()
    await store.commit(Arrivals().commit(*RECORDS))
    cut = crashed_copy(tmp_path / "hub", tmp_path / "cut")
    assert (cut / "hartig.db-wal").stat().st_size > 0
    set_aside(cut, "damaged")
    assert not (cut / "hartig.db-wal").exists()
    assert list(salvage(cut / "hartig.db.damaged-1")) == [record.wire for record in RECORDS]


def test_only_the_newest_damaged_files_are_kept(tmp_path: Path) -> None:
    for number in range(1, 5):
        (tmp_path / "hartig.db").write_bytes(b"%d" % number)
        (tmp_path / "hartig.db-wal").write_bytes(b"log")
        (tmp_path / "hartig.db-shm").write_bytes(b"index")
        assert set_aside(tmp_path, "damaged").name == f"hartig.db.damaged-{number}"
    names = sorted(path.name for path in tmp_path.iterdir())
    kept = ("hartig.db.damaged-3", "hartig.db.damaged-4")
    assert names == sorted([*kept, *(f"{name}-wal" for name in kept)])


async def test_the_daemon_takes_over_what_was_salvaged(opened: Opener, tmp_path: Path) -> None:
    await full_folder(opened, tmp_path / "hub")
    noise(tmp_path / "hub" / "hartig.db", 12 * PAGE, PAGE, 1)
    store = await opened()
    arrivals = Arrivals()
    for wire in await store.salvaged():
        await store.commit(arrivals.commit(open_record(wire)))
    await store.meta_set("damaged", None)
    assert list(await store.salvaged()) == []
    held = (await store.load()).entries
    assert len(held) > len(RECORDS) * 3 // 4
    await store.close()
    assert list((await (await opened()).status()).problems) == []


def test_nothing_is_salvaged_of_nothing(tmp_path: Path) -> None:
    assert list(salvage(tmp_path / "none")) == []


@pytest.mark.parametrize("sql", [
    "UPDATE meta SET value = 1 WHERE key = 'last_n'",
    "DELETE FROM posts WHERE n = 9",
    "DELETE FROM records WHERE n = 9",
    "UPDATE records SET body_state = 2 WHERE n = 9",
    "DELETE FROM meta WHERE key = 'epoch'",
    "UPDATE records SET id = X'00' WHERE n = 9",
])  # fmt: skip
async def test_a_broken_promise_is_damage(opened: Opener, tmp_path: Path, sql: str) -> None:
    await full_folder(opened, tmp_path / "hub")
    planted = sqlite3.connect(tmp_path / "hub" / "hartig.db")
    planted.execute(sql)
    planted.execute("UPDATE meta SET value = 0 WHERE key = 'clean'")
    planted.commit()
    planted.close()
    store = await opened()
    assert (tmp_path / "hub" / "hartig.db.damaged-1").exists()
    assert len(await store.private_list("signed")) == 50
    assert len(await store.salvaged()) >= len(RECORDS) - 1
    await store.commit(Commit(private=[PrivateRow("a", b"1", b"x")]))


async def test_a_power_cut_after_a_file_was_set_aside_loses_nothing(
    opened: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await full_folder(opened, tmp_path / "hub")
    noise(tmp_path / "hub" / "hartig.db", 12 * PAGE, PAGE, 1)

    class PowerCutError(Exception):
        pass

    def cut(*_: object) -> int:
        raise PowerCutError

    with monkeypatch.context() as patch:
        patch.setattr("hartig_node.store.opening.carry_private", cut)
        with pytest.raises(PowerCutError):
            await opened()
    store = await opened()
    assert await store.meta_get("damaged") == "hartig.db.damaged-1"
    assert len(await store.private_list("signed")) == 50
    assert len(await store.salvaged()) > len(RECORDS) * 3 // 4


@pytest.mark.parametrize("at", [0, b"rank", b"hub"])
async def test_a_flipped_bit_in_what_the_core_starts_from_is_damage(
    opened: Opener, tmp_path: Path, at: int | bytes
) -> None:
    await full_folder(opened, tmp_path / "hub")
    head = next(record for record in RECORDS if record.head.kind == Kind.GRANT).head_bytes
    path = tmp_path / "hub" / "hartig.db"
    data = bytearray(path.read_bytes())
    data[data.index(head) + (head.index(at) if isinstance(at, bytes) else at)] ^= 1
    path.write_bytes(data)
    store = await opened()
    assert any("not what was stored" in problem for problem in (await store.status()).problems)
    assert list((await store.load()).entries) == []
    assert len(await store.salvaged()) >= len(RECORDS) - 1


@pytest.mark.parametrize(("waits", "kept_ms"), [(False, ASIDE_MS_MAX), (True, ASIDE_WAITS_MS_MAX)])
async def test_p08_the_damaged_file_and_its_texts_go_when_their_time_is_over(
    opened: Opener, tmp_path: Path, *, waits: bool, kept_ms: int
) -> None:
    folder, clock = tmp_path / "hub", [None, NOW_MS, NOW_MS + kept_ms - 1, NOW_MS + kept_ms]
    await full_folder(opened, folder)
    noise(folder / "hartig.db", 12 * PAGE, PAGE, 1)
    now: list[int | None] = [NOW_MS]
    store = await opened(now_ms=lambda: now[0])
    await store.meta_set("damaged", None)  # as the core has taken it over
    await store.meta_set(SALVAGE_WAITS, "hartig.db.damaged-1" if waits else None)
    for now[0] in clock:
        assert texts_in(folder) == ["hartig.db.damaged-1"]
        store._emptied_s = -1e9
        await store.index_some()
    assert texts_in(folder) == []
    assert [path.name for path in folder.iterdir() if "damaged" in path.name] == []
    assert await store.meta_get(SALVAGE_WAITS) is None


def texts_in(folder: Path) -> list[str]:
    return [path.name for path in sorted(folder.iterdir()) if b"x" * 400 in path.read_bytes()]
