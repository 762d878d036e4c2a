"""This hub as a member: its card, what it does when it is admitted, and what it does when it was restored or cloned.

The engine calls it (`NodeSide`); the daemon calls `start` once the engine runs, and `announce` when addresses change.
"""

import logging
from collections.abc import Awaitable, Callable, Collection, Sequence

import msgpack

from hartig_node.board.belonging.invites import Invites
from hartig_node.board.belonging.labels import learn_labels
from hartig_node.board.context import Context
from hartig_node.board.drafts.drafts import clean_text, name_on_card
from hartig_node.board.errors import BoardError
from hartig_node.board.signing import (
    KEY_CLAIMED,
    KEY_CLAIMS_FLOOR,
    KEY_RESTORES,
    KEY_SEQ_FLOOR,
    SEQ_RAISE,
    SPACE_SETTING,
    SPACE_SIGNED,
    marked,
)
from hartig_node.ports import Store
from hartig_protocol.catalog.entry import Body
from hartig_protocol.errors import RecordError
from hartig_protocol.events import AskAdmission, NewcomerAdmitted, NewcomerRefused, OwnRecordClaimed, PrivateRow
from hartig_protocol.limits import ADDRESSES_MAX, DAY_MS, KIND_CHAIN_LOWEST, LANGUAGES_MAX, LIFE_LONG_MS_MAX
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind, Record

logger = logging.getLogger(__name__)

CARD_PLACE = 0
CARD_RENEWED_MS = 100 * DAY_MS  # before it ends
TIMES_TOLERATED = 1  # design, section 4: the second time the hub stops signing, until it has a new key
_RESTORED_TWICE = "this hub was restored for the second time, so nobody can tell any more what it has promised"
_IS_COPIED = "other hubs hold posts signed with this hub's key that it does not know: a copy of its folder is in use"


async def _nothing(_hubs: Collection[bytes]) -> None:
    """Nobody has anything to do about new box keys."""


class Membership:
    """The hub's own standing in its network."""

    def __init__(self, context: Context, invites: Invites) -> None:
        self._context, self._invites = context, invites
        self.times_claimed = self.times_restored = 0  # noticed by what peers hold, and said by `hartig restore`
        self._claims_floor = 0  # registers below it are of a past that is known to be forgotten
        self._is_remembered = True
        self._posts_ended: int | None = None  # how many posts this run had signed when all of them were ended
        self.on_restored: Callable[[], None] = lambda: None  # accounts of before may not go on: see `keeper`
        self.on_boxes_changed: Callable[[Collection[bytes]], Awaitable[None]] = _nothing

    async def load(self) -> None:
        """Read what earlier runs left; call it before anything can be signed: what was restored never goes on."""
        context = self._context
        floor = await context.store.private_get(SPACE_SETTING, KEY_SEQ_FLOOR)
        context.pen.seq_floor = 0 if floor is None else int(msgpack.unpackb(floor))
        own = context.pen.key.public
        claimed = await context.store.private_get(SPACE_SETTING, KEY_CLAIMED)
        said = 0 if claimed is None else msgpack.unpackb(claimed)
        times, key = said if isinstance(said, list) else (said, own)  # an older version wrote the number alone
        self.times_claimed = times if key == own else 0
        self.times_restored, _ = await _restores(context.store, own)
        row = await context.store.private_get(SPACE_SETTING, KEY_CLAIMS_FLOOR)
        floors = (0, 0) if row is None else msgpack.unpackb(row)
        is_newest = floors[0] == context.pen.seq_floor  # else it was restored since, and that counts
        self._claims_floor = floors[1] if is_newest else context.pen.seq_floor
        self._judge_claims()

    async def start(self) -> None:
        """Read what earlier runs left, learn hubs' names, and publish the card if it is missing or has changed."""
        await self.load()
        await learn_labels(self._context)
        await self.learn_names()
        await self.announce()

    # --- The card

    async def announce(self) -> None:
        """Publish this hub's card if what it says has changed or it ends within 100 days.

        A card that is dated ahead of the time that is known now stands as it is; it is tried again every hour.
        """
        await self._remember()
        pen = self._context.pen
        if pen.catalog.authority.standing(pen.key.public) is None or pen.stopped:
            return
        try:
            await self._announce()
        except BoardError as error:
            if error.code != "refused":
                raise
            logger.warning("this hub's card stays as it was: %s", error)

    async def _announce(self) -> None:
        context, pen = self._context, self._context.pen
        facts, body = self._card()
        now_ms = context.clock.reading().wall_ms
        expires_ms = now_ms + LIFE_LONG_MS_MAX
        before = await self._held_card()
        if before is None:
            own = pen.key.public
            signed = pen.first(Kind.CARD, own, [], "network", facts, body, expires_ms, CARD_PLACE)
        elif self._says(before, facts, body) and (before.head.expires or 0) > now_ms + CARD_RENEWED_MS:
            return
        else:
            signed = pen.next_version(before, facts, body, expires_ms)
        await context.publish_one(signed.record, signed.private)
        await self.learn_names()

    def _says(self, card: Record, facts: dict[str, object], body: dict[str, object]) -> bool:
        """Whether a card says this already; dates that are about right only are made true as soon as they can be."""
        is_approx = card.head.facts.get("approx") is True and self._context.clock.reading().trusted
        return not is_approx and (marked(card.head.facts, approx=False), card.body) == (facts, body)

    def _card(self) -> tuple[dict[str, object], dict[str, object]]:
        settings = self._context.settings
        facts: dict[str, object] = {
            "type": "hub",
            "nodes": [self._context.node_id],
            "addresses": list(settings.addresses[:ADDRESSES_MAX]),
            "languages": list(settings.languages[:LANGUAGES_MAX]),
            "box": self._context.box.public,
        }
        return facts, {"name": clean_text(settings.name)}

    async def _held_card(self) -> Record | None:
        pen = self._context.pen
        entry = pen.catalog.registers.get((pen.key.public, "place", CARD_PLACE))
        stored = None if entry is None else await self._context.store.read_record(entry.id)
        return None if stored is None else open_record(stored.wire, verify_signature=False)

    async def learn_names(self) -> None:
        """Read names and box keys on all hubs' cards; called at the start and when a card has come.

        Of several cards of one hub the lowest place counts.
        """
        context = self._context
        cards = context.pen.catalog.registers.of_kind(Kind.CARD)
        entries = [entry for entry in cards if entry.body is Body.HERE]
        boxes: dict[bytes, bytes] = {}
        names: dict[bytes, str] = {}
        for entry in sorted(entries, key=lambda entry: entry.place or 0, reverse=True):
            stored = await context.store.read_record(entry.id)
            if stored is None:
                continue
            try:
                card = open_record(stored.wire, verify_signature=False)
            except RecordError:
                logger.exception("a card that was accepted cannot be read")
                continue
            if card.head.facts.get("type") == "hub" and card.body:
                names.pop(card.head.author, None)
                if name := name_on_card(card.body["name"]):
                    names[card.head.author] = name
                boxes.pop(card.head.author, None)
                if "box" in card.head.facts:
                    boxes[card.head.author] = card.head.facts["box"]
        context.hub_names.clear()  # of hubs that have no card any more
        context.hub_names.update(names)
        before, context.hub_boxes = context.hub_boxes, boxes
        changed = {hub for hub, box in boxes.items() if before.get(hub) != box}
        if changed:
            await self.on_boxes_changed(changed)

    # --- What the core asks

    async def admit(self, asked: AskAdmission) -> NewcomerAdmitted | NewcomerRefused:
        """Judge an invite (engine.NodeSide)."""
        return await self._invites.admit(asked)

    async def admitted(self) -> None:
        """Publish the card of a hub that has just become a member (engine.NodeSide)."""
        logger.info("admitted to the network; print a recovery kit today: hartig recover kit")
        try:
            await self.announce()
        except BoardError as error:  # as with a full disk; it is tried again every hour
            logger.warning("this hub's card is published later: %s", error)

    async def own_record_claimed(self, claimed: OwnRecordClaimed) -> None:
        """A peer has shown a record with our signature: in the log, it was superseded here; else we have forgotten it.

        Then this folder was put back or copied: seq is raised above it in all registers. Registers below the raised seq
        are of the same past. One above it was signed by another copy that lives on: then signing stops.

        The seq of a step says nothing of when it was signed: each begins its chain at 1. So every unknown one ends what
        was begun since, for a copy may be promising the same stock; but only the first counts as a claim, because those
        of one past may come one by one.
        """
        pen = self._context.pen
        if await self._context.store.private_get(SPACE_SIGNED, claimed.record) is not None:
            return
        if claimed.kind < KIND_CHAIN_LOWEST:
            if claimed.seq < self._claims_floor:
                return
            self.times_claimed += 1
            self._claims_floor = max(pen.seq_floor, claimed.seq) + SEQ_RAISE
            await self._end_all(self._claims_floor)
        elif not self._times_in_doubt:
            self.times_claimed = 1
            self._claims_floor = pen.seq_floor + SEQ_RAISE
            await self._end_all(self._claims_floor)
        elif self._posts_ended != pen.posts_signed:
            await self._end_all(pen.seq_floor + SEQ_RAISE)

    async def _end_all(self, floor: int) -> None:
        """Let no account go on whose post stands with a seq below `floor`, and remember it."""
        logger.warning("a peer holds a record of this hub that was never signed here: restored or copied folder")
        self._context.pen.seq_floor, self._posts_ended = floor, self._context.pen.posts_signed
        self._is_remembered = False
        self._judge_claims()
        self.on_restored()
        await self._remember()

    async def _remember(self) -> None:
        """Write down what peers have shown; with a full disk later: until then it holds, and they show it again."""
        if self._is_remembered:
            return
        pen = self._context.pen
        rows = [
            PrivateRow(SPACE_SETTING, KEY_SEQ_FLOOR, msgpack.packb(pen.seq_floor)),
            PrivateRow(SPACE_SETTING, KEY_CLAIMED, msgpack.packb([self.times_claimed, pen.key.public])),
            PrivateRow(SPACE_SETTING, KEY_CLAIMS_FLOOR, msgpack.packb([pen.seq_floor, self._claims_floor])),
        ]
        self._is_remembered = True
        try:
            await self._context.keep_private(rows)
        except BoardError as error:
            self._is_remembered = False
            logger.warning("that this hub was restored is written down later: %s", error)

    @property
    def _times_in_doubt(self) -> int:
        """How often this key's past was lost, whoever noticed it; what peers hold of a known past does not count."""
        return self.times_claimed + self.times_restored

    def _judge_claims(self) -> None:
        if self._times_in_doubt > TIMES_TOLERATED:
            self._context.pen.stopped = _IS_COPIED if self.times_claimed else _RESTORED_TWICE

    def problems(self) -> Sequence[tuple[str, str, str]]:
        """Return (code, what, hint) for `status` and `doctor`."""
        if self._context.pen.stopped:
            hint = "stop the other copy, if there is one, then this hub, and give it a new key: `hartig recover hub`"
            return [("stopped_signing", self._context.pen.stopped, hint)]
        if self._times_in_doubt:
            what = "this hub was restored from an older copy of its folder"
            return [("restored", what, "check that no second copy of the folder is in use")]
        return []


# --- What a restore leaves behind


async def rows_after_restore(store: Store, key: bytes, restored: object) -> list[PrivateRow]:
    """Return the rows with which a store begins that was restored (`restored`: when) or damaged (None).

    Seq is lifted above all that the lost copy may have used, and a restore of this hub key is counted: once, also where
    a start breaks off after these rows are written (design, section 4).
    """
    held = await store.private_get(SPACE_SETTING, KEY_SEQ_FLOOR)
    floor = 0 if held is None else int(msgpack.unpackb(held))
    rows = [seq_floor_row(floor + SEQ_RAISE)]
    times, last = await _restores(store, key)
    if restored is not None and last != str(restored):
        rows.append(PrivateRow(SPACE_SETTING, KEY_RESTORES, msgpack.packb([times + 1, key, str(restored)])))
    return rows


async def _restores(store: Store, key: bytes) -> tuple[int, str]:
    """Return how often a hub key was restored, and the note of the last time."""
    held = await store.private_get(SPACE_SETTING, KEY_RESTORES)
    times, of, last = (0, key, "") if held is None else msgpack.unpackb(held)
    return (times, last) if of == key else (0, "")


def seq_floor_row(floor: int) -> PrivateRow:
    """Return the private row that lifts seq."""
    return PrivateRow(SPACE_SETTING, KEY_SEQ_FLOOR, msgpack.packb(floor))
