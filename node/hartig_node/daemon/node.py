"""One running node: everything made, started in order, watched, and stopped in the opposite order.

Order of starting: settings and keys, the proof that pinning works, the store, the core and its engine, the board, the
doors, the network. What depends on nothing else answers first: `/readyz` says what is still missing. Where the
store of a partner network takes long, or cannot be opened, nothing waits for it.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable
from contextlib import AsyncExitStack

import msgpack

from hartig_node import __version__, frugal
from hartig_node.board.belonging.membership import rows_after_restore
from hartig_node.board.board import Board
from hartig_node.board.context import Context, Settings
from hartig_node.board.partners.held import HeldSets
from hartig_node.board.sealing import BoxKey
from hartig_node.board.signing import SPACE_SETTING, Pen
from hartig_node.board.timekeeper import KEY_TIME
from hartig_node.clock import Clock
from hartig_node.daemon import kits
from hartig_node.daemon.carried import KEY_HUB, KEY_NETWORK, KEY_ROWS, SPACE_KEY
from hartig_node.daemon.config import Config
from hartig_node.daemon.doors import open_doors, open_starting_doors
from hartig_node.daemon.folder import HubFolder, NetworkFile
from hartig_node.daemon.joining import forget_plan, joining_of, read_plan
from hartig_node.daemon.network import Network, network_tag
from hartig_node.daemon.salvaging import Salvage
from hartig_node.doctor import Problem
from hartig_node.engine import Engine
from hartig_node.net.certificates import NodeIdentity
from hartig_node.net.pinning import prove_pinning
from hartig_node.ports import FeedItem, Store, StoreError, StoreFullError
from hartig_node.store.lock import FolderLock
from hartig_node.store.opening import open_store
from hartig_node.store.partitions import SqlitePartitions
from hartig_node.store.sqlite import SqliteStore
from hartig_node.tasks import Tasks
from hartig_protocol.errors import RecordError
from hartig_protocol.events import Commit, PrivateRow
from hartig_protocol.hub import Hub
from hartig_protocol.partners.federation import Federation
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind
from hartig_protocol.sync.state import load_state

logger = logging.getLogger(__name__)

INDEX_TIDIES_S = 600.0
INDEX_PAUSE_S = 0.02  # between batches of indexing: the API comes first


class Node:
    """One hub's daemon."""

    def __init__(self, folder: HubFolder, config: Config) -> None:
        self.folder, self.config = folder, config
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stack = AsyncExitStack()
        self.tasks = Tasks(self._fail)
        self.board: Board
        self._salvage: Salvage
        self.ports: dict[str, int] = {}
        self._progress = "the hub is starting"

    def __repr__(self) -> str:
        return f"<Node {self.folder.path}>"

    def _fail(self, name: str, error: BaseException) -> None:
        """A part of the node failed by our own fault, or the store did: end, and start again from disk."""
        if not self.failed.done():
            self.failed.set_exception(RuntimeError(f"{name} failed: {error}"))

    # --- Starting

    async def start(self) -> None:
        """Start everything; raises before any door opens where that is impossible."""
        network_file = self.folder.read_network()
        identity = self._identity()
        await prove_pinning(identity)
        hub_key = SigningKey(self.folder.read_key("hub"))
        clock = Clock(self.config.clock)
        with FolderLock(self.folder.path):
            pass  # before any door opens: another process here is told of by its number
        starting = await open_starting_doors(self.folder, self.config, lambda: self._progress)
        try:
            store, partitions = await self._open_stores(clock)
        finally:
            await starting.close()
        await self._keep_identity(store, hub_key, network_file)
        loaded = await store.load()
        known = await store.private_get(SPACE_SETTING, KEY_TIME)
        stamp_ms = max((entry.stamp for entry in loaded.entries if entry.author == hub_key.public), default=0)
        clock.start_from(None if known is None else int(msgpack.unpackb(known)), stamp_ms)
        plan = read_plan(self.folder, network_file)
        joining = None if plan is None else joining_of(self.folder, network_file.network, hub_key, plan)
        seed = secrets.token_bytes(32)
        state = load_state(network_file.network, hub_key, identity.node_id, loaded, joining, seed=seed)
        del loaded  # before anything else is made, so that what it filled can be given back
        core = Federation(Hub(state, clock.now()))
        engine = Engine(core, store, clock, self.tasks, secrets.token_bytes, partitions)
        self._stack.callback(engine.close)
        self.board = self._make_board(engine, store, clock, identity, hub_key)
        self.board.context.partners = HeldSets(core.partners, engine.stores)
        engine.node_side, engine.partner_side = self.board.membership, self.board.partners.proposals
        tag = network_tag(network_file.network)
        network = Network(engine, identity, self.config, tag, plan, self.tasks)  # it hears what partitions hold
        await self.board.timekeeper.load()
        await self.board.membership.load()
        engine.start()
        self._salvage = Salvage(store, engine)
        await self._salvage.take()
        if state.is_member:  # asked only now: it is the start that finds out who belongs today
            state.joining = network.plan = None
            forget_plan(self.folder)
        await engine.partners.until_open()
        await self._open_doors(engine, network)
        await self.board.keeper.load()
        self.tasks.start(self.board.timekeeper.run(), "time")
        self.tasks.start(self.board.keeper.run(), "keeper")
        self.tasks.start(self._keep_index(store, engine), "search index")
        self.tasks.start(frugal.keep_resting(), "rest")

    def _identity(self) -> NodeIdentity:
        """Return the node key, made anew wherever it is missing (it is in no backup)."""
        if not self.folder.has_key("node"):
            self.folder.write_key("node", secrets.token_bytes(32))
        return NodeIdentity.from_seed(self.folder.read_key("node"))

    def _box_key(self) -> BoxKey:
        """Return the box key, made anew wherever it is missing (it is in no backup)."""
        if not self.folder.has_key("box"):
            self.folder.write_key("box", secrets.token_bytes(32))
        return BoxKey(self.folder.read_key("box"))

    async def _open_stores(self, clock: Clock) -> tuple[SqliteStore, SqlitePartitions]:
        def trusted_now_ms() -> int | None:
            now = clock.now()
            return now.wall_ms if now.trusted else None

        store = await open_store(
            self.folder.path,
            now_ms=trusted_now_ms,
            random_bytes=secrets.token_bytes,
            on_progress=self._store_progress,
            on_failure=lambda error: self._fail("the store", error),
            row_seal=self.folder.row_seal(),
        )
        partitions = SqlitePartitions(
            self.folder.path, store.reserve, now_ms=trusted_now_ms, random_bytes=secrets.token_bytes
        )
        for end in (store.close, partitions.close, self.tasks.close):
            self._stack.push_async_callback(end)
        return store, partitions

    def _store_progress(self, what: str, done: int, total: int) -> None:
        self._progress = f"the hub is starting: {what}, {done} of {total}"

    async def _keep_identity(self, store: SqliteStore, hub_key: SigningKey, network: NetworkFile) -> None:
        """Put into every backup what a restored hub needs, and raise seq after a restore.

        Of a damaged store the last that was signed may be what could not be read, so it counts as restored.
        """
        rows = []
        carried = self.folder.carried_hub_key()
        if await store.private_get(SPACE_KEY, KEY_HUB) != carried:
            rows.append(PrivateRow(SPACE_KEY, KEY_HUB, carried))
            rows.append(PrivateRow(SPACE_KEY, KEY_NETWORK, network.network))
        row_key = self.folder.carried_row_key()
        if await store.private_get(SPACE_KEY, KEY_ROWS) != row_key:
            rows.append(PrivateRow(SPACE_KEY, KEY_ROWS, row_key))
        restored = await store.meta_get("restored")
        if restored is not None or await store.meta_get("damaged") is not None:
            rows += await rows_after_restore(store, hub_key.public, restored)
        if rows:
            await store.commit(Commit(private=rows))
            await store.meta_set("restored", None)

    def _make_board(
        self, engine: Engine, store: SqliteStore, clock: Clock, identity: NodeIdentity, hub_key: SigningKey
    ) -> Board:
        catalog = engine.hub.catalog
        pen = Pen(hub_key, catalog.network, catalog, clock, secrets.token_bytes)
        settings = Settings(
            name=self.config.name,
            folder=str(self.folder.path),
            peer_port=self.config.peer_port,
            api_port=self.config.api_port,
            site_port=self.config.site_port,
            languages=self.config.languages,
            version=__version__,
        )
        box, node_id = self._box_key(), identity.node_id
        return Board(Context(engine, store, pen, clock, node_id, settings, secrets.token_bytes, box))

    async def _open_doors(self, engine: Engine, network: Network) -> None:
        self._stack.push_async_callback(network.close)
        doors = await open_doors(self.board, engine.clock, self.folder, self.config, self.tasks, self._stack)
        self.ports = dict(doors.ports)
        status = self.board.status
        status.dial_errors, status.link_counts = network.dial_errors, network.counts
        status.network_problems = lambda: [*doors.problems(), *network.problems(), *self.kit_problems(), *lost(engine)]
        await self._take_cards(engine, network)
        self.board.partners.on_speakers = network.abroad.named
        await self.board.partners.start()
        self.ports["peers"] = await network.start()
        self.board.config.api_port, self.board.config.site_port = self.ports["api"], self.ports["site"]
        self.board.config.peer_port = self.ports["peers"]
        await self._announce(network)
        await self.board.membership.start()
        self.tasks.start(self._watch(engine, network), "watch the feed")
        self.tasks.start(self._keep_announcing(network), "announce addresses")

    def kit_problems(self) -> list[Problem]:
        """Remind of the recovery kit, once there is a network in which the hub could be recovered."""
        is_member = self.board.context.engine.hub.state.is_member
        return [Problem(*said) for said in kits.problems(self.folder)] if is_member else []

    # --- While running

    async def _take_cards(self, engine: Engine, network: Network) -> None:
        """Learn where other hubs say they are."""
        for entry in list(engine.hub.catalog.registers.of_kind(Kind.CARD)):
            await self._card_seen(engine, network, entry.id)

    async def _card_seen(self, engine: Engine, network: Network, record_id: bytes) -> None:
        stored = await engine.store.read_record(record_id)
        if stored is not None:
            try:
                network.card_seen(open_record(stored.wire, verify_signature=False))
            except RecordError:
                logger.exception("an accepted card cannot be read")

    async def _watch(self, engine: Engine, network: Network) -> None:
        """Act on what comes in: new cards, new members, removals."""
        async for item in self.board.events():
            if item is not None and item.name.partition(".")[0] in ("card", "member", "removal", "network"):
                await self._governance_changed(engine, network, item)
            elif item is not None and item.name.startswith("partner.card."):
                await network.abroad.card_changed(item.record)

    async def _governance_changed(self, engine: Engine, network: Network, item: FeedItem) -> None:
        if item.kind == Kind.CARD:
            await self._card_seen(engine, network, item.record)
            await self.board.membership.learn_names()
        else:
            await self._salvage.again()
        network.refresh()

    async def _announce(self, network: Network) -> None:
        settings = self.board.config
        addresses = tuple(network.addresses())
        if addresses and addresses != settings.addresses:
            settings.addresses = addresses
            await self.board.membership.announce()

    async def _keep_announcing(self, network: Network) -> None:
        """Publish the card anew when this machine's addresses have changed and stayed so for a while."""
        while True:
            before = network.addresses()
            await asyncio.sleep(30)
            if network.addresses() == before:
                await self._announce(network)

    async def _keep_index(self, store: SqliteStore, engine: Engine) -> None:
        """Index new texts after their commit, in small steps, whenever something has come in."""
        listener = engine.feed.listen()
        while True:
            await self._index_all(store, engine)
            listener.restart()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(INDEX_TIDIES_S):  # `index_some` also tidies up what was removed
                    await listener.next()

    async def _index_all(self, store: SqliteStore, engine: Engine) -> None:
        with contextlib.suppress(StoreFullError):  # searching is slower meanwhile
            await self._index(store)
        for abroad in list(engine.stores.values()):
            with contextlib.suppress(StoreError):  # of one that is dropped meanwhile, or has failed
                await self._index(abroad)

    async def _index(self, store: Store) -> None:
        while True:
            if not await store.index_some():
                return
            await asyncio.sleep(INDEX_PAUSE_S)

    async def stop(self) -> None:
        """Stop in the opposite order; what was acknowledged is durable already."""
        await self._stack.aclose()


def lost(engine: Engine) -> list[Problem]:
    """Say which partner networks' records cannot be kept now."""
    hint = "it is tried again by itself; what is not here comes from other hubs. See `hartig doctor`"
    kept = engine.partners.problems
    what = "what the partner network {} shares cannot be kept here now: {}"
    return [Problem("store", what.format(name.hex()[:8], why), hint) for name, why in sorted(kept.items())]


async def run_node(folder: HubFolder, config: Config, on_ready: Callable[[Node], None], ended: asyncio.Event) -> None:
    """Run a node until `ended` is set; raises where it failed."""
    node = Node(folder, config)
    try:
        await node.start()
        on_ready(node)
        frugal.settle()
        end = node.tasks.start(_wait(ended), "end")
        await asyncio.wait({end, node.failed}, return_when=asyncio.FIRST_COMPLETED)
        if node.failed.done():
            node.failed.result()
    finally:
        await node.stop()


async def _wait(ended: asyncio.Event) -> None:
    await ended.wait()
