"""A hub goes over to a new key: its own was lost or stolen, or must not sign any more.

`begin_again` is for an empty folder and a recovery kit: new keys, and the removal of the old one, which the hub shows
whoever of the network it meets. `rekey` is for the hub's own folder, stopped: one commit removes the old key, gives
again the memberships that it gave, keeps what it had posted, and says to which key the folder goes over. Only then the
key files change places, one by one; `settle` does what of this a crash has left, before every start. All keys of the
folder are made anew with it, since whoever had one of them may have had them all.

Without a recovery key (`recovery` None) nothing is removed here: trustees do that, and name the new key.
In: a folder that nobody uses, the recovery key. Out: what was done. Who calls: `recover`; `settle`: every start.
"""

import secrets
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing

import msgpack

from hartig_node.board.context import Context, Settings
from hartig_node.board.keeping.rekeying import (
    KEY_REKEYED,
    Said,
    posts_taken_along,
    said_again,
    said_by,
    start_clean,
    staying,
)
from hartig_node.board.sealing import BoxKey
from hartig_node.board.signing import SPACE_SETTING, Pen
from hartig_node.board.timekeeper import KEY_TIME
from hartig_node.clock import Clock, founding_ms
from hartig_node.daemon.carried import KEY_HUB, SPACE_KEY
from hartig_node.daemon.config import Config, read_config, write_settings
from hartig_node.daemon.folder import FolderError, HubFolder, NetworkFile
from hartig_node.daemon.joining import JoinPlan, write_plan
from hartig_node.daemon.kits import Kit
from hartig_node.daemon.offline import judged, keep_carried, public_in
from hartig_node.engine import Engine
from hartig_node.keyfile import KeyFileError
from hartig_node.store.connection import DATABASE_NAME, connect
from hartig_node.store.opening import open_store
from hartig_node.tasks import Tasks
from hartig_protocol.events import Commit
from hartig_protocol.hub import Hub
from hartig_protocol.limits import KEY_BYTES, LIFE_REVOKE_MS_MAX
from hartig_protocol.records.keys import SigningKey, recovery_hash, verify
from hartig_protocol.records.opening import sign_record
from hartig_protocol.records.record import Record
from hartig_protocol.records.writing import recovery_of, revoke_head
from hartig_protocol.sync.state import load_state
from hartig_protocol.values import value

_NOT_OURS = "this recovery key cannot replace this hub's key (any more): ask the network's trustees"


@value
class Rekeyed:
    """What became of a hub: its keys before and after, what the old key had said and is said again or left out, posts.

    `recovery`: what a trustee's grant says of the new recovery key.
    """

    before: bytes
    after: bytes
    recovery: tuple[bytes, bytes]
    again: tuple[Said, ...] = ()
    left_out: tuple[Said, ...] = ()
    posts: int = 0


class _PublicHalf(SigningKey):
    """Names a hub whose secret key is gone; all that is left of what it signed is its consent to its recovery key."""

    def __init__(self, kit: Kit) -> None:
        self.public, self._consent = kit.hub, kit.consent

    def sign(self, message: bytes) -> bytes:
        """Return the consent if that is asked for."""
        if not verify(self.public, message, self._consent):
            raise FolderError(_NOT_OURS)
        return self._consent


def _removal(
    network: bytes, old: SigningKey, recovery: SigningKey, new: SigningKey, next_: bytes, now_ms: int
) -> Record:
    """Remove the old key with the consent that makes the recovery key count everywhere (SPEC A6), for the new one."""
    head = revoke_head(
        network=network,
        author=recovery.public,
        subject=old.public,
        stamp=now_ms,
        expires=now_ms + LIFE_REVOKE_MS_MAX,
        successor=new.public,
        recovery=recovery_of(new, network, recovery_hash(next_)),
        consent=recovery_of(old, network, recovery_hash(recovery.public))[1],
    )
    return sign_record(head, None, [recovery])


# --- In an empty folder, with a kit


def begin_again(folder: HubFolder, kit: Kit, recovery: SigningKey, languages: Sequence[str] = ("en",)) -> Rekeyed:
    """Make an empty folder the hub of a kit, with a new key; it joins when it meets any hub of its network."""
    folder.make()
    old = {"hub": kit.hub, "recovery": recovery.public}
    if any(folder.has_key(name) and folder.noted_public(name) == public for name, public in old.items()):
        raise FolderError(f"{folder.path} has keys that are to be replaced: name an empty folder")
    for name in ("hub", "recovery", "node"):
        if not folder.has_key(name):
            folder.write_key(name, secrets.token_bytes(KEY_BYTES))
    values = {"name": kit.hub_name, "languages": list(languages)}
    if kit.addresses:
        values["peers"] = list(kit.addresses)
    write_settings(folder.settings, values)
    new, next_ = SigningKey(folder.read_key("hub")), SigningKey(folder.read_key("recovery")).public
    clock = Clock(read_config(folder.settings).clock)
    now_ms = clock.now().wall_ms if clock.is_trusted() else founding_ms()
    removal = _removal(kit.network, _PublicHalf(kit), recovery, new, next_, now_ms)
    write_plan(folder, JoinPlan(records=(removal.wire,)))
    folder.write_network(NetworkFile(kit.network))
    return Rekeyed(kit.hub, new.public, recovery_of(new, kit.network, recovery_hash(next_)))


# --- In the hub's own folder


def public_before(folder: HubFolder, kit: Kit | None) -> bytes:
    """Return the key that is to be replaced: by its file, else by what backups would carry, else by the kit."""
    try:
        return folder.noted_public("hub")
    except (FolderError, KeyFileError):
        if kit is None:
            raise
    carried = _private(folder, SPACE_KEY, KEY_HUB)
    return kit.hub if carried is None else bytes.fromhex(public_in(carried))


async def rekey(
    folder: HubFolder,
    config: Config,
    recovery: SigningKey | None,
    *,
    keep: frozenset[bytes],
    drop: frozenset[bytes],
    kit: Kit | None = None,
    agree: Callable[[Sequence[Said]], None] = lambda _left_out: None,
) -> Rekeyed:
    """Let the hub of a folder go over to a new key; with `kit` also where the file of the old one cannot be opened.

    Memberships that it gave are given again, and removals by it made again, where its own log knows them; `keep` names
    more, `drop` fewer. `agree` is asked about others before anything is decided. Raises `FolderError` where the
    recovery key is not this hub's, or what `agree` does; then nothing has changed.
    """
    network = folder.read_network().network
    old = SigningKey(folder.read_key("hub")) if kit is None else _PublicHalf(kit)
    async with _opened(folder, config, network, old) as context:  # from here on nobody else uses the folder
        next_keys = _next_keys(folder)
        try:
            done = await _go_over(context, next_keys, recovery, keep, drop, agree)
        except FolderError:
            folder.drop_next_keys()
            raise
    await settle(folder)
    return done


async def _go_over(
    context: Context,
    next_keys: tuple[SigningKey, bytes],
    recovery: SigningKey | None,
    keep: frozenset[bytes],
    drop: frozenset[bytes],
    agree: Callable[[Sequence[Said]], None],
) -> Rekeyed:
    network, before = context.pen.network, context.pen.key.public
    new, next_ = next_keys
    named = recovery_of(new, network, recovery_hash(next_))
    said = await said_by(context)
    stay = staying(said, keep, drop)
    settled = {one.key for one in stay if one.is_removal}  # that they were let in once is no news
    left_out = tuple(one for one in said if one not in stay and one.key not in settled)
    if recovery is not None:
        agree([one for one in left_out if one.key not in drop])
    posts = await posts_taken_along(context)
    rows, records = [*posts, *start_clean(new.public)], []
    if recovery is not None:
        now_ms = context.clock.reading().wall_ms
        signed = said_again(stay, new, now_ms)
        records = [_removal(network, context.pen.key, recovery, new, next_, now_ms), *(record for record, _ in signed)]
        rows += [row for _, row in signed]
    commits, refusals = judged(context.engine.hub, records, rows, context.clock)
    standing = context.pen.catalog.authority.standing(new.public)
    if recovery is not None and (refusals or standing is None):
        raise FolderError(_NOT_OURS)
    for commit in commits or [Commit(private=rows)]:  # without records the core has nothing to say
        await context.store.commit(commit)
    return Rekeyed(before, new.public, named, tuple(stay), left_out, len(posts) // 2)


def _next_keys(folder: HubFolder) -> tuple[SigningKey, bytes]:
    """Make the next hub key and recovery key anew: what an undecided change has left may have been copied since."""
    if _is_decided(folder):
        raise FolderError("this hub has just gone over to a new key: nothing more was done")
    folder.drop_next_keys()
    for name in ("hub-next", "recovery-next"):
        folder.write_key(name, secrets.token_bytes(KEY_BYTES))
    return SigningKey(folder.read_key("hub-next")), SigningKey(folder.read_key("recovery-next")).public


@asynccontextmanager
async def _opened(
    folder: HubFolder, config: Config, network: bytes, old: SigningKey | None = None
) -> AsyncIterator[Context]:
    """Open what the hub holds under its old key, with nothing running."""
    clock, tasks = Clock(config.clock), Tasks(lambda _name, _error: None)
    seal = folder.row_seal()
    store = await open_store(folder.path, now_ms=lambda: None, random_bytes=secrets.token_bytes, row_seal=seal)
    try:
        key, loaded = old or SigningKey(folder.read_key("hub")), await store.load()
        known = await store.private_get(SPACE_SETTING, KEY_TIME)
        stamp_ms = max((entry.stamp for entry in loaded.entries if entry.author == key.public), default=0)
        clock.start_from(None if known is None else int(msgpack.unpackb(known)), stamp_ms)
        state = load_state(network, key, bytes(KEY_BYTES), loaded)
        engine = Engine(Hub(state, clock.now()), store, clock, tasks, secrets.token_bytes)
        for action in engine.hub.start(clock.now()):
            if isinstance(action, Commit):
                await store.commit(action)
        pen = Pen(key, network, state.catalog, clock, secrets.token_bytes)
        settings = Settings(config.name, str(folder.path), 0, 0, 0, config.languages)
        box = BoxKey(secrets.token_bytes(KEY_BYTES))
        yield Context(engine, store, pen, clock, bytes(KEY_BYTES), settings, secrets.token_bytes, box)
    finally:
        await tasks.close()
        await store.close()


async def settle(folder: HubFolder) -> None:
    """End a change of keys that was decided; one that was not decided is as if it had never begun.

    Called before the folder is used: a crash may have left it between any two of these.
    """
    if _is_decided(folder):
        # Where trustees let the new key in, it asks whoever it meets; where it stands by itself, nobody reads this.
        write_plan(folder, JoinPlan())
        folder.write_network(NetworkFile(folder.read_network().network))
        folder.take_next_keys()
        await keep_carried(folder)


def _is_decided(folder: HubFolder) -> bool:
    """Tell whether this folder goes over to its next keys by what its store says."""
    return folder.has_key("hub-next") and (
        _private(folder, SPACE_SETTING, KEY_REKEYED) == folder.noted_public("hub-next")
    )


def _private(folder: HubFolder, space: str, key: bytes) -> bytes | None:
    database = folder.path / DATABASE_NAME
    if not database.exists():
        return None
    wanted = "SELECT value FROM private WHERE space = ? AND key = ?"
    try:
        with closing(connect(database)) as connection:
            found = connection.execute(wanted, (space, key)).fetchone()
    except sqlite3.Error as error:
        raise FolderError(f"{database} cannot be read: {error}; see hartig verify") from error
    return None if found is None else bytes(found[0])
