"""The two stores answer alike, whatever is committed in whatever order; and SQLite still does after it was reopened."""

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from hartig_node.ports import FeedItem, PostFilter
from hartig_node.store.checking import find_problems
from hartig_node.store.connection import connect
from hartig_node.store.memory import MemoryStore
from hartig_node.store.opening import open_store
from hartig_node.store.sqlite import SqliteStore
from hartig_protocol.events import Commit, Cursor, Notice, PrivateRow, Told
from hartig_protocol.records.record import Record
from node.store.arrivals import Arrivals
from support.records import NOW_MS, Network, random_bytes_from

NET = Network()
HUBS = [NET.hub(1), NET.hub(2)]


LOT_STEP = bytes(range(32))


def _pool() -> list[Record]:
    needs = [
        NET.need(HUBS[place % 2], place=place, title=title, category=category, audience=audience)
        for place, (title, category, audience) in enumerate(
            [
                ("Water", "food", "network"),
                ("Dlo pwòp", "food.bread", "partners"),
                ("饮用水", "food.bread.x-rye", "network"),
                ("ماء", "health", "hub"),
            ]
        )
    ]
    later = [NET.revise(HUBS[place % 2], need) for place, need in enumerate(needs)]
    ended = [NET.revise(HUBS[place % 2], need, ends=True) for place, need in enumerate(later)]
    offers = [NET.offer(HUBS[0], place=10, level="low"), NET.offer(HUBS[1], place=11, mode="lend", urgency="urgent")]
    steps = [NET.step(HUBS[0], needs[0]), NET.step(HUBS[0], needs[0], NET.step(HUBS[0], needs[0]))]
    claim = {"verb": "claim", "lot": offers[0].head.thread, "quantity": 1, "asks": 1}
    allot = {"verb": "allot", "hub": HUBS[1].public, "quantity": 1}
    steps += [NET.step(HUBS[1], needs[1], kind=128, facts=claim), NET.step(HUBS[0], offers[0], kind=128, facts=allot)]
    steps.append(
        NET.step(HUBS[0], offers[0], steps[-1], kind=128, facts={"verb": "release", "of": LOT_STEP, "why": "lapsed"})
    )
    return [*NET.founding(2), *needs, *later, *ended, *offers, *steps, NET.unknown(HUBS[0], place=12)]


POOL = _pool()
OFFER = next(record for record in POOL if record.head.kind == 17)
FILTERS = [
    PostFilter(NOW_MS),
    PostFilter(NOW_MS, standing=False),
    PostFilter(NOW_MS, category="food"),
    PostFilter(NOW_MS, category="food.bread", standing=False),
    PostFilter(NOW_MS, author=HUBS[0].public),
    PostFilter(NOW_MS, kind=17, mode="lend"),
    PostFilter(NOW_MS, terms=("wat",)),
    PostFilter(NOW_MS, terms=("水",)),
    PostFilter(NOW_MS, terms=("dlo", "pw"), category="food"),
]
some_records = st.lists(st.integers(0, len(POOL) - 1), unique=True, max_size=6)
keys = st.sampled_from([b"1", b"2", b"3"])


class BothStores(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp(prefix="hartig-model-"))
        self.epoch = random_bytes_from("epoch")(16)
        self.memory = MemoryStore()
        self.memory.disk.epoch = self.epoch
        self.sqlite = self.runner.run(self._open())
        self.arrivals = Arrivals()
        self.held: dict[bytes, object] = {}

    async def _open(self) -> SqliteStore:
        return await open_store(self.folder, now_ms=lambda: None, random_bytes=lambda _length: self.epoch)

    def teardown(self) -> None:
        self.runner.run(self.sqlite.close())
        self.runner.close()
        connection = connect(self.folder / "hartig.db", immutable=True)
        problems = find_problems(connection, thorough=True)
        connection.close()
        shutil.rmtree(self.folder)
        assert problems == []

    def both(self, call: Callable[[Any], Awaitable[Any]]) -> Any:
        """Ask both; their answers, or the kinds of their errors, are equal."""

        async def ask(store: Any) -> Any:
            try:
                return await call(store)
            except Exception as error:  # noqa: BLE001 - the kind of error is compared
                return type(error)

        async def ask_both() -> tuple[Any, Any]:
            return await ask(self.memory), await ask(self.sqlite)

        ours, theirs = self.runner.run(ask_both())
        assert ours == theirs
        return ours

    def commit(self, commit: Commit) -> None:
        async def lines(store: Any) -> list[FeedItem]:
            return list(await store.commit(commit))

        self.both(lines)
        self.last = commit

    @rule(adding=some_records, removing=some_records, both=some_records, at_ms=st.integers(0, 9))
    def records(self, adding: list[int], removing: list[int], both: list[int], at_ms: int) -> None:
        new = [POOL[i] for i in adding if POOL[i].id not in self.held]
        gone = [POOL[i].id for i in removing if POOL[i].id in self.held]
        again = [POOL[i] for i in both if POOL[i].id in gone]
        fleeting = [POOL[i].id for i in both if POOL[i] in new]
        commit = self.arrivals.commit(*new, *again, removed=[*gone, *fleeting])
        commit.notices = [Notice("post.added", at_ms, record=record.id) for record in new]
        self.commit(commit)
        for record in [*new, *again]:
            self.held[record.id] = record
        for record_id in [*gone, *fleeting]:
            if record_id not in {record.id for record in again}:
                del self.held[record_id]

    @rule(some=some_records, back=st.booleans())
    def bodies(self, some: list[int], back: bool) -> None:
        records = [POOL[i] for i in some if POOL[i].body_bytes is not None]
        if back:
            self.commit(Commit(bodies_added=records))
        else:
            self.commit(Commit(bodies_removed=[record.id for record in records]))

    @rule(space=st.sampled_from("ab"), key=keys, value=st.none() | st.binary(max_size=3))
    def private(self, space: str, key: bytes, value: bytes | None) -> None:
        self.commit(Commit(private=[PrivateRow(space, key, value, 5)]))

    @rule(peer=keys, n=st.integers(1, 60), many=st.booleans())
    def peers(self, peer: bytes, n: int, many: bool) -> None:
        told = [Told(peer, n + more, bytes(16)) for more in range(40 if many else 1)]
        self.commit(Commit(cursors=[Cursor(peer, b"e" * 16, n, bytes([n]) * 16)], told=told))

    @precondition(lambda self: hasattr(self, "last"))
    @rule()
    def repeat(self) -> None:
        self.last.notices.clear()
        self.commit(self.last)

    @rule()
    def index(self) -> None:
        self.both(lambda store: store.index_some())

    @rule(clean=st.booleans())
    def reopen(self, clean: bool) -> None:
        self.runner.run(self.sqlite.close())
        if not clean:
            planted = connect(self.folder / "hartig.db", mode="rw")
            planted.execute("UPDATE meta SET value = 0 WHERE key = 'clean'")
            planted.close()
        self.sqlite = self.runner.run(self._open())
        status = self.runner.run(self.sqlite.status())
        assert (status.clean_start, list(status.problems)) == (clean, [])

    @invariant()
    def they_are_alike(self) -> None:
        self.both(lambda store: store.load())
        self.both(lambda store: store.feed(0, 99))
        self.both(lambda store: store.private_list("a"))
        self.both(lambda store: store.read_arrivals(2, 99, 5, 2_000, governance=False))
        self.both(lambda store: store.read_arrivals(0, 99, 99, 99_000, governance=True))
        self.both(lambda store: store.read_records([record.id for record in POOL]))
        self.both(lambda store: store.claims_on(OFFER.head.thread, 0, 9))
        self.both(lambda store: store.allotments_to(HUBS[1].public, 0, 9))
        self.both(lambda store: store.steps_about(LOT_STEP))
        for hub in HUBS:
            self.both(lambda store, hub=hub: store.chains_of(hub.public))
        self.both(lambda store: store.lots_asked())
        for wanted in FILTERS:
            page = self.both(lambda store, wanted=wanted: store.posts(wanted, None, 2))
            if page.after is not None:
                self.both(lambda store, wanted=wanted, page=page: store.posts(wanted, page.after, 99))
        loaded = self.runner.run(self.sqlite.load())
        assert {entry.id for entry in loaded.entries} == set(self.held)


BothStores.TestCase.settings = settings(max_examples=10, stateful_step_count=15, deadline=None)
TestBothStores = BothStores.TestCase
