"""Errors of the disk, planted: nothing acknowledged is lost, and memory and disk agree after the repeat."""

import asyncio
from pathlib import Path

import pytest

from hartig_node.ports import StoreError, StoreFullError
from hartig_node.store import writer as writer_module
from hartig_node.store.indexing import MUCH
from hartig_node.store.reserve import Reserve
from hartig_node.store.sqlite import SqliteStore
from hartig_protocol.errors import LocalError
from hartig_protocol.events import Commit, Cursor, Notice, PrivateRow
from node.store.arrivals import Arrivals, crashed_copy
from node.store.conftest import Opener
from node.store.faults import Plan, faulty, full_error, io_error
from support.records import Network

ADDING = "INSERT OR IGNORE INTO records"
NET = Network()
HUB = NET.hub(1)


@pytest.fixture
def plan() -> Plan:
    return Plan()


@pytest.fixture
async def store(opened: Opener, plan: Plan) -> SqliteStore:
    made = await opened(connection_factory=faulty(plan))
    plan.reset()
    return made


def commit_of(arrivals: Arrivals, place: int) -> Commit:
    commit = arrivals.commit(NET.need(HUB, place=place))
    commit.notices = [Notice("post.added", place)]
    commit.private = [PrivateRow("signed", bytes([place]), b"1")]
    return commit


async def check_all_there(store: SqliteStore, count: int) -> None:
    assert [entry.n for entry in (await store.load()).entries] == list(range(1, count + 1))
    assert [item.at_ms for item in await store.feed(0, 99)] == list(range(count))
    assert len(await store.private_list("signed")) == count


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_commit_that_raised_is_repeated_whether_it_happened_or_not(
    store: SqliteStore, plan: Plan, when: str
) -> None:
    arrivals = Arrivals()
    await store.commit(commit_of(arrivals, 0))
    (plan.before_commit if when == "before" else plan.after_commit).append(io_error())
    items = await store.commit(commit_of(arrivals, 1))
    assert [item.seq for item in items] == [2]
    await store.commit(commit_of(arrivals, 2))
    await check_all_there(store, 3)


async def test_an_error_at_any_statement_is_repeated(store: SqliteStore, plan: Plan) -> None:
    arrivals = Arrivals()
    await store.commit(commit_of(arrivals, 0))
    plan.reset()
    await store.commit(commit_of(arrivals, 1))
    statements = plan.statements
    assert statements > 8
    for number in range(1, statements + 1):
        plan.reset()
        plan.at_statement = {number: io_error()}
        await store.commit(commit_of(arrivals, number + 1))
        assert not plan.at_statement
    await check_all_there(store, statements + 2)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_second_error_ends_the_store_and_a_new_start_knows_the_truth(
    opened: Opener, plan: Plan, when: str, tmp_path: Path
) -> None:
    failures: list[BaseException] = []
    store = await opened(connection_factory=faulty(plan), on_failure=failures.append)
    plan.reset()
    arrivals = Arrivals()
    await store.commit(commit_of(arrivals, 0))
    (plan.before_commit if when == "before" else plan.after_commit).extend([io_error(), io_error()])
    answers = await asyncio.gather(
        *(store.commit(commit_of(arrivals, place)) for place in (1, 2)), return_exceptions=True
    )
    assert all(isinstance(answer, StoreError) for answer in answers)
    with pytest.raises(StoreError, match="opened again"):
        await store.commit(commit_of(arrivals, 3))
    with pytest.raises(StoreError, match="opened again"):
        await store.load()
    assert any("start again" in problem for problem in (await store.status()).problems)
    assert len(failures) == 1
    await store.close()
    again = await opened()
    assert not (await again.status()).clean_start
    held = {entry.n for entry in (await again.load()).entries}
    assert 1 in held
    assert held == ({1, 2, 3} if when == "after" else {1})


async def test_a_failed_rollback_ends_the_store(opened: Opener, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    failures: list[BaseException] = []
    store = await opened(connection_factory=faulty(plan), on_failure=failures.append)
    monkeypatch.setattr(writer_module, "_roll_back", lambda _connection: (_ for _ in ()).throw(io_error()))
    plan.reset()
    plan.before_commit = [io_error()]
    with pytest.raises(StoreError, match="opened again"):
        await store.commit(Commit(notices=[Notice("a", 1)]))
    assert len(failures) == 1


async def test_one_bad_commit_among_others_costs_its_caller_alone(store: SqliteStore) -> None:
    arrivals = Arrivals()
    good = [commit_of(arrivals, 0), commit_of(arrivals, 1)]
    clash = commit_of(Arrivals(), 5)
    unbindable = commit_of(Arrivals(last_n=70), 7)
    unbindable.private.append(PrivateRow("signed", b"no bytes", object()))  # type: ignore[arg-type]
    answers = await asyncio.gather(
        store.commit(good[0]),
        store.commit(clash),
        store.commit(unbindable),
        store.commit(good[1]),
        return_exceptions=True,
    )
    assert isinstance(answers[1], LocalError)
    assert isinstance(answers[2], Exception)
    assert [entry.id for entry in (await store.load()).entries] == [c.added[0][1].id for c in good]
    assert len(await store.private_list("signed")) == 2


async def test_waiting_commits_share_a_transaction(store: SqliteStore, plan: Plan) -> None:
    arrivals = Arrivals()
    commits = [commit_of(arrivals, place) for place in range(50)]
    begun: list[str] = []
    plan.whenever = lambda sql: begun.append(sql) if sql.startswith("BEGIN") else None
    await asyncio.gather(*(store.commit(commit) for commit in commits))
    assert len(begun) < 25
    await check_all_there(store, 50)


async def test_callers_wait_when_the_queue_is_full(opened: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "COMMITS_WAITING_MAX", 3)
    store = await opened()
    arrivals = Arrivals()
    await asyncio.gather(*(store.commit(commit_of(arrivals, place)) for place in range(30)))
    await check_all_there(store, 30)


async def test_what_was_acknowledged_survives_a_power_cut(store: SqliteStore, opened: Opener, tmp_path: Path) -> None:
    arrivals = Arrivals()
    for place in range(5):
        await store.commit(commit_of(arrivals, place))
        if place % 2:
            await store.index_some()
        cut = crashed_copy(tmp_path / "hub", tmp_path / f"cut {place}")
        after = await opened(cut)
        await check_all_there(after, place + 1)
        await after.close()


async def test_while_commit_follows_commit_nothing_is_indexed(store: SqliteStore) -> None:
    arrivals, lefts = Arrivals(), []
    for first in range(0, 3 * MUCH, MUCH):
        records = [NET.need(HUB, place=place) for place in range(first, first + MUCH)]
        await store.commit(arrivals.commit(*records))
        lefts.append(await store.index_some())
    assert lefts == [0, MUCH, 2 * MUCH]
    while await store.index_some():
        pass
    assert (await store.status()).unindexed == 0


# --- A full disk


async def test_a_full_disk_acknowledges_nothing_but_lets_go_of_things(
    store: SqliteStore, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserve = tmp_path / "hub" / "reserve"
    arrivals = Arrivals()
    await store.commit(commit_of(arrivals, 0))
    plan.whenever = lambda sql: full_error() if sql.startswith(ADDING) and not store_has_room() else None
    monkeypatch.setattr(Reserve, "_make", lambda _self: store_has_room())
    room: list[bool] = []

    def store_has_room() -> bool:
        return bool(room)

    refused = commit_of(arrivals, 1)
    with pytest.raises(StoreFullError, match="Make room"):
        await store.commit(refused)
    assert not reserve.exists()
    assert any("disk is full" in problem for problem in (await store.status()).problems)
    await check_all_there(store, 1)
    first = (await store.load()).entries[0].id
    await store.commit(Commit(bodies_removed=[first], private=[PrivateRow("signed", bytes([0]), None)]))
    with pytest.raises(StoreFullError):
        await store.commit(Commit(cursors=[Cursor(b"p", b"e", 1, b"c")]))
    await store.index_some()
    room.append(True)
    await store.commit(refused)
    assert [entry.n for entry in (await store.load()).entries] == [1, 2]
    assert list((await store.status()).problems) == []


async def test_a_disk_that_fails_where_the_reserve_is_made_again_ends_the_store_and_hangs_nobody(
    opened: Opener, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: list[BaseException] = []
    store = await opened(connection_factory=faulty(plan), on_failure=failures.append)
    plan.whenever = lambda sql: full_error() if sql.startswith(ADDING) else None

    def broken(_self: Reserve) -> bool:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Reserve, "_make", broken)
    with pytest.raises(StoreFullError):
        await store.commit(commit_of(Arrivals(), 0))
    with pytest.raises(StoreError, match="opened again"):
        await store.commit(commit_of(Arrivals(), 0))
    assert len(failures) == 1


async def test_on_a_full_disk_nothing_overtakes_what_was_refused(store: SqliteStore, plan: Plan) -> None:
    arrivals = Arrivals()
    await store.commit(commit_of(arrivals, 0))
    held = (await store.load()).entries[0].id
    adding = commit_of(arrivals, 1)
    new = adding.added[0][1].id
    fail_once = [full_error()] * 2
    plan.whenever = lambda sql: fail_once.pop() if sql.startswith(ADDING) and fail_once else None
    answers = await asyncio.gather(
        store.commit(adding),
        store.commit(Commit(removed=[new])),
        store.commit(Commit(removed=[held])),
        return_exceptions=True,
    )
    kinds = [type(answer) if isinstance(answer, Exception) else None for answer in answers]
    assert kinds[0] is StoreFullError
    assert [entry.id for entry in (await store.load()).entries if entry.id == held] == ([held] if kinds[2] else [])
    assert await store.read_record(new) is None


async def test_a_really_full_file_is_refused_and_nothing_is_half_there(store: SqliteStore) -> None:
    arrivals = Arrivals()
    await store.commit(commit_of(arrivals, 0))
    await store._writer.do(
        lambda: store._writer.connection().execute("PRAGMA max_page_count=1").fetchall(), store._explain
    )
    commit = arrivals.commit(*(NET.need(HUB, place=place, text="x" * 4000) for place in range(1, 30)))
    with pytest.raises(StoreFullError):
        await store.commit(commit)
    await check_all_there(store, 1)
    await store._writer.do(
        lambda: store._writer.connection().execute("PRAGMA max_page_count=1000000").fetchall(), store._explain
    )
    await store.commit(commit)
    assert len((await store.load()).entries) == 30


def test_a_reserve_that_does_not_fit_is_not_left_half_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reserve = Reserve(tmp_path)

    def no_room(*_: object) -> None:
        raise OSError(28, "No space left on device")

    def no_device(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr("os.posix_fallocate", no_room)
        assert not reserve.make()
        assert not list(tmp_path.iterdir())
        patched.setattr("os.posix_fallocate", no_device)
        with pytest.raises(OSError, match="Input/output"):
            reserve.make()
    assert reserve.make()
    assert reserve.make()
    reserve.release()
    reserve.release()
    assert not reserve.is_here()
