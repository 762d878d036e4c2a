"""The stores of partner networks: what both kinds promise, and what only files can do to them."""

import shutil
import sqlite3
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hartig_node.ports import Partitions, PostFilter, StoreError, StoreFullError
from hartig_node.store.backup import restore
from hartig_node.store.memory_partitions import MemoryPartitions
from hartig_node.store.partitions import SqlitePartitions
from hartig_node.store.reserve import Reserve
from hartig_node.store.sqlite import SqliteStore
from hartig_protocol.events import Commit
from node.store.arrivals import Arrivals, crashed_copy
from node.store.conftest import Opener
from node.store.faults import Plan, faulty, full_error, io_error
from support.records import NOW_MS, Network, random_bytes_from

NET = Network()
HUB = NET.hub(1)
ONE, OTHER = bytes(range(16)), bytes(range(1, 17))
STANDING = PostFilter(NOW_MS)


def places(folder: Path, reserve: Reserve | None = None, plan: Plan | None = None) -> SqlitePartitions:
    """Partitions in a hub's folder, as the next start of a node would have them."""
    folder.mkdir(mode=0o700, exist_ok=True)
    return SqlitePartitions(
        folder,
        Reserve(folder) if reserve is None else reserve,
        now_ms=lambda: NOW_MS,
        random_bytes=random_bytes_from("epochs"),
        connection_factory=sqlite3.Connection if plan is None else faulty(plan),
    )


@pytest.fixture(params=["memory", "sqlite"])
async def partitions(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Partitions]:
    """None yet, of either kind."""
    made = MemoryPartitions() if request.param == "memory" else places(tmp_path / "hub")
    yield made
    await made.close()


@pytest.fixture
async def on_disk(tmp_path: Path) -> AsyncIterator[SqlitePartitions]:
    made = places(tmp_path / "hub")
    yield made
    await made.close()


# --- What both promise


async def test_a_partition_is_made_when_it_is_opened_and_known_by_name(partitions: Partitions) -> None:
    assert list(await partitions.names()) == []
    for name in (OTHER, ONE):
        assert (await (await partitions.open(name)).load()).last_n == 0
    assert list(await partitions.names()) == [ONE, OTHER]


async def test_two_partitions_have_nothing_in_common(partitions: Partitions) -> None:
    one, other = await partitions.open(ONE), await partitions.open(OTHER)
    need = NET.need(HUB)
    await one.commit(Arrivals().commit(*NET.founding(1), need))
    assert (await other.load()).last_n == 0
    assert await other.read_record(need.id) is None
    assert (await one.load()).epoch != (await other.load()).epoch
    await partitions.drop(OTHER)
    assert len((await one.posts(STANDING, None, 5)).posts) == 1


async def test_opened_again_it_is_the_same_store(partitions: Partitions) -> None:
    store = await partitions.open(ONE)
    await store.commit(Arrivals().commit(NET.need(HUB)))
    assert (await (await partitions.open(ONE)).load()).last_n == 1


async def test_what_is_dropped_is_gone_and_a_new_one_has_another_epoch(partitions: Partitions) -> None:
    store = await partitions.open(ONE)
    await store.commit(Arrivals().commit(NET.need(HUB)))
    epoch = (await store.load()).epoch
    for _ in range(2):
        await partitions.drop(ONE)
        assert list(await partitions.names()) == []
    with pytest.raises(StoreError):
        await store.load()
    loaded = await (await partitions.open(ONE)).load()
    assert loaded.last_n == 0
    assert loaded.epoch != epoch


async def test_nothing_is_answered_after_the_end(partitions: Partitions) -> None:
    store = await partitions.open(ONE)
    await partitions.close()
    with pytest.raises(StoreError):
        await store.load()


# --- Files


async def test_the_files_are_the_hubs_alone_and_there_is_no_second_reserve(
    on_disk: SqlitePartitions, tmp_path: Path
) -> None:
    await (await on_disk.open(ONE)).commit(Arrivals().commit(NET.need(HUB)))
    folder = tmp_path / "hub" / "partners" / ONE.hex()
    for path in (folder, folder.parent):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    names = {path.name for path in folder.iterdir()}
    assert names == {"hartig.db", "hartig.db-wal", "hartig.db-shm", "lock"}
    assert all(stat.S_IMODE((folder / name).stat().st_mode) == 0o600 for name in names)


async def test_a_partition_outlives_its_process_however_that_ended(on_disk: SqlitePartitions, tmp_path: Path) -> None:
    store = await on_disk.open(ONE)
    await store.commit(Arrivals().commit(*NET.founding(1), NET.need(HUB)))
    before = await store.load()
    cut = tmp_path / "cut"
    (cut / "partners").mkdir(parents=True)
    crashed_copy(tmp_path / "hub" / "partners" / ONE.hex(), cut / "partners" / ONE.hex())
    again = places(cut)
    assert await again.names() == [ONE]
    assert await (await again.open(ONE)).load() == before
    await again.close()


@pytest.mark.parametrize("leaves", ["everything", "the database", "an empty folder", "an older one beside a new one"])
async def test_a_drop_that_a_power_cut_has_ended_is_ended_at_the_next_start(leaves: str, tmp_path: Path) -> None:
    first = places(tmp_path / "hub")
    await (await first.open(ONE)).commit(Arrivals().commit(NET.need(HUB)))
    await first.close()
    folder = tmp_path / "hub" / "partners" / ONE.hex()
    going = folder.with_name(f"{folder.name}.going")
    folder.rename(going)
    if leaves == "an older one beside a new one":
        shutil.copytree(going, folder)
    elif leaves != "everything":
        (going / "lock").unlink()
        if leaves == "an empty folder":
            (going / "hartig.db").unlink()
    second = places(tmp_path / "hub")
    is_new_there = leaves == "an older one beside a new one"
    assert await second.names() == ([ONE] if is_new_there else [])
    assert not going.exists()
    await second.drop(ONE)
    assert list((tmp_path / "hub" / "partners").iterdir()) == []
    assert (await (await second.open(ONE)).load()).last_n == 0
    await second.close()


async def test_what_is_no_partition_is_left_alone(on_disk: SqlitePartitions, tmp_path: Path) -> None:
    within = tmp_path / "hub" / "partners"
    within.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    (within / ONE.hex()).symlink_to(elsewhere)
    (within / f"{OTHER.hex()}.going").symlink_to(elsewhere)
    (within / "notes").mkdir()
    (within / OTHER.hex().upper()).mkdir()
    assert await on_disk.names() == []
    await on_disk.drop(ONE)
    await on_disk.drop(OTHER)
    assert (elsewhere / "kept").exists()


async def test_what_cannot_be_deleted_is_said(
    on_disk: SqlitePartitions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await on_disk.open(ONE)

    def refuse(path: Path) -> None:
        raise PermissionError(1, "not permitted", str(path))

    monkeypatch.setattr("hartig_node.store.partitions.shutil.rmtree", refuse)
    with pytest.raises(StoreError, match=r"cannot change .*\.going: not permitted"):
        await on_disk.drop(ONE)
    assert await places(tmp_path / "none").names() == []


# --- Damage


def damage(database: Path) -> None:
    """Overwrite pages in the middle, as a card that wears out does."""
    data = bytearray(database.read_bytes())
    for start in range(4096, len(data), 4096):
        data[start : start + 200] = bytes(200)
    database.write_bytes(data)


async def test_a_damaged_partition_is_made_anew_with_a_warning_and_nothing_is_set_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = places(tmp_path / "hub")
    for name in (ONE, OTHER):
        await (await first.open(name)).commit(Arrivals().commit(NET.need(HUB)))
    epoch = (await (await first.open(ONE)).load()).epoch
    await first.close()
    folder = tmp_path / "hub" / "partners" / ONE.hex()
    damage(folder / "hartig.db")
    second = SqlitePartitions(
        tmp_path / "hub", Reserve(tmp_path), now_ms=lambda: NOW_MS, random_bytes=random_bytes_from("later")
    )
    loaded = await (await second.open(ONE)).load()
    assert loaded.last_n == 0
    assert loaded.epoch != epoch
    assert "is damaged" in caplog.text
    assert "made anew" in caplog.text
    assert not list(folder.glob("*damaged*"))
    assert (await (await second.open(OTHER)).load()).last_n == 1
    await second.close()


async def test_a_partition_of_a_newer_program_is_made_anew(tmp_path: Path) -> None:
    first = places(tmp_path / "hub")
    await first.open(ONE)
    await first.close()
    connection = sqlite3.connect(tmp_path / "hub" / "partners" / ONE.hex() / "hartig.db")
    connection.execute("PRAGMA user_version=99")
    connection.close()
    second = places(tmp_path / "hub")
    assert (await (await second.open(ONE)).load()).last_n == 0
    await second.close()


async def test_on_a_full_disk_a_partition_is_left_as_it_is(tmp_path: Path) -> None:
    first = places(tmp_path / "hub")
    await (await first.open(ONE)).commit(Arrivals().commit(NET.need(HUB)))
    await first.close()
    plan = Plan()
    second = places(tmp_path / "hub", plan=plan)
    plan.whenever = lambda sql: full_error() if sql.startswith("BEGIN IMMEDIATE") else None
    for _ in range(2):
        with pytest.raises(StoreFullError, match="full"):
            await second.open(ONE)
    plan.reset()
    assert (await (await second.open(ONE)).load()).last_n == 1
    await second.close()


async def test_a_disk_that_fails_costs_the_partition_and_is_said_when_it_fails_again(tmp_path: Path) -> None:
    plan = Plan()
    made = places(tmp_path / "hub", plan=plan)
    plan.whenever = lambda sql: io_error() if sql.startswith("BEGIN IMMEDIATE") else None
    with pytest.raises(StoreError, match="disk I/O error"):
        await made.open(ONE)
    plan.reset()
    await made.open(ONE)
    await made.close()


# --- One reserve for all


@pytest.fixture
async def shared(opened: Opener, tmp_path: Path) -> AsyncIterator[tuple[SqliteStore, SqliteStore, Plan, Plan]]:
    """A home store and a partition on one disk, and what goes wrong in each."""
    at_home, abroad = Plan(), Plan()
    home = await opened(connection_factory=faulty(at_home))
    made = places(tmp_path / "hub", home.reserve, abroad)
    yield home, await made.open(ONE), at_home, abroad
    await made.close()


def _fails_inserts(plan: Plan) -> None:
    plan.whenever = lambda sql: full_error() if "INSERT OR IGNORE INTO records" in sql else None


async def test_what_a_full_disk_gives_back_for_one_store_no_other_fills(
    shared: tuple[SqliteStore, SqliteStore, Plan, Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, partition, _, abroad = shared
    arrivals = Arrivals()
    await home.commit(arrivals.commit(old := NET.need(HUB)))
    reserve = tmp_path / "hub" / "reserve"
    assert reserve.exists()
    _fails_inserts(abroad)
    monkeypatch.setattr("hartig_node.store.reserve.os.posix_fallocate", _no_room)
    with pytest.raises(StoreFullError):
        await partition.commit(Arrivals().commit(NET.need(HUB)))
    assert not reserve.exists()
    with pytest.raises(StoreFullError):
        await home.commit(arrivals.commit(NET.need(HUB, place=1)))
    await home.commit(Commit(removed=[old.id]))
    assert await home.read_record(old.id) is None


async def test_when_there_is_room_again_every_store_goes_on(
    shared: tuple[SqliteStore, SqliteStore, Plan, Plan], tmp_path: Path
) -> None:
    home, partition, at_home, _ = shared
    _fails_inserts(at_home)
    with pytest.raises(StoreFullError):
        await home.commit(Arrivals().commit(NET.need(HUB)))
    at_home.reset()
    await partition.commit(Arrivals().commit(NET.need(HUB)))
    assert (tmp_path / "hub" / "reserve").exists()
    await home.commit(Arrivals().commit(NET.need(HUB)))
    assert (await home.status()).problems == ()


def _no_room(_descriptor: int, _start: int, _count: int) -> None:
    raise OSError(28, "No space left on device")


# --- Backups


async def test_a_backup_has_nothing_of_partner_networks_and_a_restored_hub_keeps_what_is_there(
    shared: tuple[SqliteStore, SqliteStore, Plan, Plan], tmp_path: Path
) -> None:
    home, partition, _, _ = shared
    await home.commit(Arrivals().commit(NET.need(HUB, title="Blankets")))
    await partition.commit(Arrivals().commit(NET.need(HUB, title="Marmalade")))
    await home.backup(str(tmp_path / "copy"))
    data = (tmp_path / "copy").read_bytes()
    assert b"Blankets" in data
    assert b"Marmalade" not in data
    restore(tmp_path / "copy", tmp_path / "new", NOW_MS, random_bytes_from("restored"))
    assert await places(tmp_path / "new").names() == []
