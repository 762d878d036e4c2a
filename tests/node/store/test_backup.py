"""Copies out while it runs, back while it does not, and the second look."""

import asyncio
import sqlite3
import stat
from pathlib import Path

import pytest

from hartig_node.board.belonging.pairing import SPACE_DEVICE
from hartig_node.ports import PostFilter, StoreDamagedError, StoreError
from hartig_node.store.backup import restore
from hartig_node.store.connection import connect
from hartig_node.store.verify import BAD_LISTED_MAX, verify
from hartig_protocol.events import Commit, Cursor, PrivateRow, Told
from node.store.arrivals import Arrivals, crashed_copy
from node.store.conftest import Opener
from support.records import NOW_MS, Network, random_bytes_from

NET = Network()
HUB = NET.hub(1)
RECORDS = [*NET.founding(1), *(NET.need(HUB, place=place) for place in range(30))]


def names(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir())


def filled(arrivals: Arrivals) -> Commit:
    commit = arrivals.commit(*RECORDS)
    commit.private = [PrivateRow("tokens", b"k", b"v")]
    commit.cursors = [Cursor(b"p" * 32, b"e" * 16, 1, b"c" * 16)]
    commit.told = [Told(b"p" * 32, 1, b"c" * 16)]
    return commit


async def test_a_backup_is_whole_private_and_stands_alone(opened: Opener, tmp_path: Path) -> None:
    store = await opened()
    await store.commit(filled(Arrivals()))
    path = tmp_path / "copy"
    await store.backup(str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert names(tmp_path) == ["copy", "hub"]
    report = verify(path)
    assert report.ok
    assert (report.records, report.posts) == (len(RECORDS), 30)
    copy = connect(path, immutable=True)
    notes = dict(copy.execute("SELECT key, value FROM meta"))
    copy.close()
    assert notes["backup_of"] == (await store.load()).epoch
    assert notes["backup_ms"] == NOW_MS
    assert names(tmp_path) == ["copy", "hub"]


async def test_a_backup_never_overwrites(opened: Opener, tmp_path: Path) -> None:
    store = await opened()
    (tmp_path / "copy").write_text("mine")
    with pytest.raises(StoreError, match="exists"):
        await store.backup(str(tmp_path / "copy"))
    assert (tmp_path / "copy").read_text() == "mine"
    with pytest.raises(StoreError, match="cannot write the backup"):
        await store.backup(str(tmp_path / "none" / "copy"))


async def test_a_backup_while_writing_is_one_moment(opened: Opener, tmp_path: Path) -> None:
    store = await opened()
    arrivals = Arrivals()
    await store.commit(filled(arrivals))

    async def write() -> None:
        for place in range(30, 60):
            await store.commit(arrivals.commit(NET.need(HUB, place=place), NET.offer(HUB, place=place + 100)))

    await asyncio.gather(write(), store.backup(str(tmp_path / "copy")))
    report = verify(tmp_path / "copy")
    assert report.ok
    assert (report.records - len(RECORDS)) % 2 == 0
    assert len((await store.load()).entries) == len(RECORDS) + 60


async def test_restoring_gives_a_new_epoch_and_no_cursors(opened: Opener, tmp_path: Path) -> None:
    store = await opened()
    await store.commit(filled(Arrivals()))
    await store.index_some()
    await store.backup(str(tmp_path / "copy"))
    before = await store.load()
    target = tmp_path / "other"
    restore(tmp_path / "copy", target, NOW_MS + 5, random_bytes_from("restore"))
    assert stat.S_IMODE((target / "hartig.db").stat().st_mode) == 0o600
    back = await opened(target)
    loaded = await back.load()
    assert (list(loaded.entries), loaded.last_n, loaded.running) == (
        list(before.entries),
        before.last_n,
        before.running,
    )
    assert loaded.epoch != before.epoch
    assert not loaded.cursors
    assert not loaded.told
    assert await back.meta_get("restored") == NOW_MS + 5
    assert await back.meta_get("backup_of") is None
    assert await back.private_get("tokens", b"k") == b"v"
    assert len((await back.posts(PostFilter(NOW_MS, terms=("water",)), None, 99)).posts) == 30
    assert (await back.status()).clean_start


async def test_restoring_brings_no_paired_device_back(opened: Opener, tmp_path: Path) -> None:
    store = await opened()
    await store.commit(Commit(private=[PrivateRow(SPACE_DEVICE, b"k", b"v"), PrivateRow("tokens", b"k", b"v")]))
    await store.backup(str(tmp_path / "copy"))
    restore(tmp_path / "copy", tmp_path / "other", NOW_MS, random_bytes_from("restore"))
    back = await opened(tmp_path / "other")
    assert await back.private_list(SPACE_DEVICE) == []
    assert await back.private_get("tokens", b"k") == b"v"


async def test_restoring_never_harms_a_store_that_is_there(opened: Opener, tmp_path: Path) -> None:
    store = await opened()
    await store.commit(filled(Arrivals()))
    await store.backup(str(tmp_path / "copy"))
    with pytest.raises(StoreError, match="in use"):
        restore(tmp_path / "copy", tmp_path / "hub", NOW_MS, random_bytes_from(1), replace=True)
    await store.commit(Commit(removed=[RECORDS[-1].id]))
    await store.close()
    with pytest.raises(StoreError, match="has a store"):
        restore(tmp_path / "copy", tmp_path / "hub", NOW_MS, random_bytes_from(1))
    restore(tmp_path / "copy", tmp_path / "hub", NOW_MS, random_bytes_from(1), replace=True)
    assert verify(tmp_path / "hub").records == len(RECORDS)
    assert verify(tmp_path / "hub" / "hartig.db.replaced-1").records == len(RECORDS) - 1


async def test_an_old_log_never_meets_a_restored_file(opened: Opener, tmp_path: Path) -> None:
    store = await opened()
    await store.backup(str(tmp_path / "empty"))
    await store.commit(filled(Arrivals()))
    cut = crashed_copy(tmp_path / "hub", tmp_path / "cut")
    restore(tmp_path / "empty", cut, NOW_MS, random_bytes_from(1), replace=True)
    assert list((await (await opened(cut)).load()).entries) == []


async def test_a_damaged_backup_is_not_restored(opened: Opener, tmp_path: Path) -> None:
    store = await opened()
    await store.commit(filled(Arrivals()))
    await store.backup(str(tmp_path / "copy"))
    bytes_ = bytearray((tmp_path / "copy").read_bytes())
    bytes_[8192:12288] = bytes(range(256)) * 16
    (tmp_path / "copy").write_bytes(bytes_)
    with pytest.raises(StoreDamagedError, match="not a whole backup"):
        restore(tmp_path / "copy", tmp_path / "other", NOW_MS, random_bytes_from(1))
    (tmp_path / "copy").write_text("no database at all, just words " * 99)
    with pytest.raises(StoreDamagedError, match="not a whole backup"):
        restore(tmp_path / "copy", tmp_path / "other", NOW_MS, random_bytes_from(1))
    with pytest.raises(StoreError):
        restore(tmp_path / "none", tmp_path / "other", NOW_MS, random_bytes_from(1))
    assert names(tmp_path / "other") == ["lock"]


# --- The second look


async def test_verify_finds_a_flipped_byte(opened: Opener, tmp_path: Path) -> None:
    store = await opened()
    await store.commit(filled(Arrivals()))
    await store.backup(str(tmp_path / "copy"))
    flips = {
        3: "UPDATE records SET signature = CAST(X'ff' || substr(signature, 2) AS BLOB) WHERE n = 3",
        5: "UPDATE records SET head = CAST(substr(head, 1, 40) || X'7f' || substr(head, 42) AS BLOB) WHERE n = 5",
        6: "UPDATE records SET body = X'80' WHERE n = 6",
        7: "UPDATE records SET stamp = stamp + 1 WHERE n = 7",
        8: "UPDATE records SET id = zeroblob(32) WHERE n = 8",
        9: "UPDATE records SET body_state = 7 WHERE n = 9",
    }
    copy = sqlite3.connect(tmp_path / "copy")
    ids = {}
    for n, sql in flips.items():
        copy.execute(sql)
        ids[n] = copy.execute("SELECT id FROM records WHERE n = ?", (n,)).fetchone()[0]
    copy.commit()
    copy.close()
    steps: list[tuple[str, int, int]] = []
    report = verify(tmp_path / "copy", lambda *step: steps.append(step))
    assert not report.ok
    assert [bad.id for bad in report.bad_records] == [ids[n] for n in flips]
    assert report.bad_count == len(flips)
    assert all(bad.reason for bad in report.bad_records)
    assert steps == [("verifying records", 0, len(RECORDS))]


async def test_verify_looks_at_a_folder_without_changing_it(opened: Opener, tmp_path: Path) -> None:
    store = await opened()
    await store.commit(filled(Arrivals()))
    with pytest.raises(StoreError, match="in use"):
        verify(tmp_path / "hub")
    cut = crashed_copy(tmp_path / "hub", tmp_path / "cut")
    before = {path.name: path.read_bytes() for path in cut.iterdir()}
    assert verify(cut).records == len(RECORDS)
    assert verify(cut).ok
    (cut / "lock").unlink()
    assert {path.name: path.read_bytes() for path in cut.iterdir()} == before
    await store.close()
    assert verify(tmp_path / "hub").ok
    with pytest.raises(StoreError, match="there is no store"):
        verify(tmp_path)
    with pytest.raises(StoreError, match="there is no store"):
        verify(tmp_path / "none")


async def test_verify_lists_only_so_many(opened: Opener, tmp_path: Path) -> None:
    store = await opened()
    many = [NET.need(HUB, place=place) for place in range(BAD_LISTED_MAX + 5)]
    await store.commit(Arrivals().commit(*many))
    await store.backup(str(tmp_path / "copy"))
    copy = sqlite3.connect(tmp_path / "copy")
    copy.execute("UPDATE records SET signature = zeroblob(64)")
    copy.commit()
    copy.close()
    report = verify(tmp_path / "copy")
    assert (report.bad_count, len(report.bad_records)) == (len(many), BAD_LISTED_MAX)


async def test_verify_says_what_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("Dear neighbour, " * 99)
    report = verify(tmp_path / "letter")
    assert not report.ok
    assert "cannot be read" in report.problems[0]
