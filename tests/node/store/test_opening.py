"""Opening a folder: new, closed cleanly or not, of another version, in use; and how the file is set up."""

import asyncio
import os
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from hartig_node.ports import PostFilter, StoreDamagedError, StoreError
from hartig_node.store import indexing
from hartig_node.store.checking import find_broken_promises
from hartig_node.store.connection import connect, connect_writer
from hartig_node.store.lock import FolderLock
from hartig_node.store.schema import MIGRATIONS, run_script
from hartig_protocol.events import Commit, PrivateRow
from node.store.arrivals import Arrivals, crashed_copy
from node.store.conftest import Opener
from node.store.faults import Plan, faulty, full_error, io_error
from support.federated import pact_of
from support.records import NOW_MS, Network

NET = Network()
HUB = NET.hub(1)


async def test_a_closed_store_opens_as_it_was(opened: Opener) -> None:
    first = await opened()
    await first.commit(Arrivals().commit(*NET.founding(2), NET.need(HUB)))
    before = await first.load()
    await first.close()
    second = await opened()
    assert await second.load() == before
    assert (await second.status()).clean_start


async def test_a_store_that_was_not_closed_is_checked_and_whole(opened: Opener, tmp_path: Path) -> None:
    first = await opened()
    await first.commit(Arrivals().commit(*NET.founding(2), NET.need(HUB, title="Blankets")))
    await first.index_some()
    before = await first.load()
    steps: list[tuple[str, int, int]] = []
    second = await opened(
        crashed_copy(tmp_path / "hub", tmp_path / "cut"), on_progress=lambda *step: steps.append(step)
    )
    assert await second.load() == before
    status = await second.status()
    assert not status.clean_start
    assert list(status.problems) == []
    page = await second.posts(PostFilter(NOW_MS, terms=("blanket",)), None, 5)
    assert len(page.posts) == 1
    assert ("checking the store", 1, 1) in steps


async def test_an_index_that_does_not_fit_is_made_anew(opened: Opener, tmp_path: Path) -> None:
    first = await opened()
    await first.commit(Arrivals().commit(NET.need(HUB, title="Blankets")))
    await first.index_some()
    cut = crashed_copy(tmp_path / "hub", tmp_path / "cut")
    planted = connect(cut / "hartig.db", mode="rw")
    planted.execute("UPDATE texts SET text = 'pillows'")
    planted.close()
    second = await opened(cut)
    assert (await second.status()).unindexed == 1
    page = await second.posts(PostFilter(NOW_MS, terms=("blanket",)), None, 5)
    assert len(page.posts) == 1


async def test_one_process_a_folder(opened: Opener, tmp_path: Path) -> None:
    first = await opened()
    with pytest.raises(StoreError, match=f"{tmp_path / 'hub'} is in use by process {os.getpid()}"):
        await opened()
    await first.close()
    await opened()


def test_a_lock_is_given_back_even_when_its_holder_forgets(tmp_path: Path) -> None:
    with FolderLock(tmp_path), pytest.raises(StoreError, match="in use"):
        FolderLock(tmp_path).acquire()
    lock = FolderLock(tmp_path)
    lock.acquire()
    lock.release()
    lock.release()
    with pytest.raises(StoreError, match="cannot write in the folder"):
        FolderLock(tmp_path / "none").acquire()


async def test_a_folder_that_cannot_be_made_is_named(opened: Opener, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot make the folder"):
        await opened(tmp_path / "file" / "hub")


async def test_the_file_is_private_and_set_up_for_power_cuts(opened: Opener, tmp_path: Path) -> None:
    asked: list[str] = []

    class Traced(sqlite3.Connection):
        def execute(self, sql: str, *values: object) -> sqlite3.Cursor:
            asked.append(sql)
            return super().execute(sql, *values)  # type: ignore[arg-type]

    store = await opened(connection_factory=Traced)
    await store.commit(Arrivals().commit(NET.need(HUB)))
    for pragma in (
        "synchronous=FULL",
        "journal_mode=WAL",
        "mmap_size=0",
        "trusted_schema=OFF",
        "cell_size_check=ON",
        "wal_autocheckpoint=500",
        "journal_size_limit=8388608",
        "secure_delete=ON",
    ):
        assert f"PRAGMA {pragma}" in asked
    for name in ("hartig.db", "hartig.db-wal", "lock", "reserve"):
        assert stat.S_IMODE((tmp_path / "hub" / name).stat().st_mode) == 0o600, name
    assert stat.S_IMODE((tmp_path / "hub").stat().st_mode) == 0o700
    assert (tmp_path / "hub" / "reserve").stat().st_size == 4 * 1024 * 1024


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    connect_writer(tmp_path / "a.db", sqlite3.Connection).close()
    reader = connect(tmp_path / "a.db")
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("CREATE TABLE t (a)")
    reader.close()


# --- Versions


def _second(connection: sqlite3.Connection) -> None:
    run_script(connection, "CREATE TABLE more (a); -- a comment; with a semicolon\nINSERT INTO more VALUES (7);")


def _breaking(connection: sqlite3.Connection) -> None:
    _second(connection)
    raise sqlite3.OperationalError("planted")


async def test_an_older_store_starts_with_all_its_proofs(opened: Opener) -> None:
    first = await opened(migrations=MIGRATIONS[:2])
    proofs = [*NET.founding(1), pact_of(NET, bytes(16), HUB)]
    await first.commit(Arrivals().commit(*proofs))
    await first.close()
    assert set((await (await opened()).load()).governance) == {record.id for record in proofs}


async def test_an_older_store_is_migrated_and_a_newer_one_refused(opened: Opener, tmp_path: Path) -> None:
    first = await opened()
    await first.commit(Arrivals().commit(NET.need(HUB)))
    before = await first.load()
    await first.close()
    with pytest.raises(StoreError, match="planted"):
        await opened(migrations=[*MIGRATIONS, _breaking])
    steps: list[tuple[str, int, int]] = []
    second = await opened(migrations=[*MIGRATIONS, _second], on_progress=lambda *step: steps.append(step))
    assert await second.load() == before
    known, newest = len(MIGRATIONS), len(MIGRATIONS) + 1
    assert steps[-2:] == [("migrating the store", known, newest), ("migrating the store", newest, newest)]
    await second.close()
    with pytest.raises(StoreError, match=f"version {newest} and this program knows {known}"):
        await opened()
    assert not list((tmp_path / "hub").glob("*.damaged*"))


async def test_a_start_that_was_cut_short_begins_again(opened: Opener, tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "hartig.db").touch()
    plan = Plan()
    plan.whenever = lambda sql: io_error() if "clean" in str(sql) or sql.startswith("INSERT INTO meta") else None
    with pytest.raises(StoreError, match="disk I/O error"):
        await opened(connection_factory=faulty(plan))
    store = await opened()
    assert (await store.load()).last_n == 0
    assert not list((tmp_path / "hub").glob("*.damaged*"))


async def test_a_full_disk_at_the_start_costs_the_reserve(opened: Opener, tmp_path: Path) -> None:
    await (await opened()).close()
    plan = Plan()
    full = [full_error()]
    plan.whenever = lambda sql: full.pop() if sql.startswith("INSERT INTO meta") and full else None
    store = await opened(connection_factory=faulty(plan))
    assert not (tmp_path / "hub" / "reserve").exists()
    assert any("disk is full" in problem for problem in (await store.status()).problems)
    await store.commit(Arrivals().commit(NET.need(HUB)))
    assert (tmp_path / "hub" / "reserve").exists()
    assert list((await store.status()).problems) == []


async def test_expired_private_rows_go_at_the_start_unless_the_clock_is_in_doubt(opened: Opener) -> None:
    first = await opened(now_ms=lambda: None)
    await first.commit(Commit(private=[PrivateRow("a", b"1", b"x", 5)]))
    await first.close()
    second = await opened(now_ms=lambda: None)
    assert await second.private_get("a", b"1") == b"x"
    await second.close()
    assert await (await opened()).private_get("a", b"1") is None


# --- While it is open


async def test_a_search_index_that_breaks_while_open_is_scanned_around_and_made_anew(opened: Opener) -> None:
    store = await opened()
    await store.commit(Arrivals().commit(NET.need(HUB, title="Blankets")))
    await store.index_some()
    await store._write(
        lambda connection: connection.execute("UPDATE search_data SET block = X'ffffffffffffffffffffffff'")
    )
    wanted = PostFilter(NOW_MS, terms=("blanket",))
    assert len((await store.posts(wanted, None, 5)).posts) == 1
    assert any("search index is damaged" in problem for problem in (await store.status()).problems)
    assert await store.index_some() == 0
    assert list((await store.status()).problems) == []
    assert len((await store.posts(wanted, None, 5)).posts) == 1
    assert await store._write(indexing.is_true)


async def test_damage_found_by_a_look_up_says_what_to_do(opened: Opener) -> None:
    def broken(_connection: sqlite3.Connection) -> None:
        error = sqlite3.DatabaseError("malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error

    store = await opened()
    with pytest.raises(StoreDamagedError, match="start again"):
        await store._read(broken)


async def test_whoever_stops_waiting_disturbs_nobody(opened: Opener) -> None:
    store = await opened()
    arrivals = Arrivals()
    first = asyncio.ensure_future(store.commit(arrivals.commit(NET.need(HUB))))  # noqa: TID251 - cancelled below
    await asyncio.sleep(0)
    first.cancel()
    await store.commit(arrivals.commit(NET.need(HUB, place=1)))
    assert len((await store.load()).entries) == 2


async def test_a_store_that_cannot_note_its_end_closes_all_the_same(opened: Opener) -> None:
    plan = Plan()
    store = await opened(connection_factory=faulty(plan))
    plan.whenever = lambda sql: full_error() if sql.startswith("INSERT INTO meta") else None
    await store.close()
    assert not (await (await opened()).status()).clean_start


async def test_texts_of_what_went_are_nowhere(opened: Opener, tmp_path: Path) -> None:
    store = await opened()
    records = [NET.need(HUB, place=place, title=f"Zebra{place}") for place in range(3)]
    await store.commit(Arrivals().commit(*records))
    await store.index_some()
    await store.commit(Commit(removed=[records[0].id], bodies_removed=[records[1].id]))
    assert await store._read(find_broken_promises) == []
    await store.close()
    content = (tmp_path / "hub" / "hartig.db").read_bytes()
    assert b"ebra2" in content
    assert b"ebra0" not in content
    assert b"ebra1" not in content


@pytest.mark.parametrize("make", [lambda path, other: path.symlink_to(other), lambda path, _other: os.mkfifo(path)])
def test_what_is_no_plain_file_under_the_name_of_the_lock_is_not_written_to(
    tmp_path: Path, make: Callable[[Path, Path], None]
) -> None:
    other, folder = tmp_path / "other", tmp_path / "hub"
    folder.mkdir()
    other.write_text("theirs")
    make(folder / "lock", other)
    with pytest.raises(StoreError, match="lock is a link or no plain file"):
        FolderLock(folder).acquire()
    assert other.read_text() == "theirs"
