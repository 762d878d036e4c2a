"""Saying our side of an agreement: who may, in which place it stands, and the record that says it.

Organisers and trustees alone sign. Of all that they have said about one partner the word of the highest rank stands,
then what lasts longest; so what this hub could not make stand is refused before it is signed, with who can. Whoever
signs with a key kept elsewhere is told the place, and signs in the command line. In: terms, or that it ends. Out: the
record, published or only tried. Who calls: `partners`.
"""

from collections.abc import Sequence
from typing import Any

from hartig_node.board.belonging.allowed import WITH_A_KEY, not_allowed
from hartig_node.board.belonging.looking import People
from hartig_node.board.belonging.people import RANK_NAMES, State
from hartig_node.board.belonging.signed import publish_whole
from hartig_node.board.context import Context
from hartig_node.board.errors import BoardError
from hartig_node.board.partners.agreed import pacts_of, standing_in
from hartig_node.board.partners.terms import Terms
from hartig_node.board.signing import Signed
from hartig_node.board.times import rfc3339
from hartig_protocol.errors import RecordError
from hartig_protocol.events import PrivateRow
from hartig_protocol.limits import DAY_MS, LIFE_LONG_MS_MAX
from hartig_protocol.records.governance import Rank
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.pacts import Pact
from hartig_protocol.records.record import Kind, Record, Wire, thread_due
from hartig_protocol.values import value

DAYS_MAX = LIFE_LONG_MS_MAX // DAY_MS
DAYS_DEFAULT = 365
NAMED_MAX = 3


@value
class Hand:
    """Whose hand signs: this hub's own, or a key kept elsewhere.

    That one asks first where its word is to stand (`key`, for a preview), then hands in what it has signed (`wire`).
    """

    key: bytes | None = None
    wire: Wire | None = None


OWN = Hand()


@value
class Place:
    """Where a key's word about a partner stands: its place, what stands there of it, and until when it must last."""

    number: int
    before: Record | None
    expires_ms_min: int

    def as_json(self) -> dict[str, Any]:
        """The place as the node API gives it, for who signs with a key of their own."""
        before = None if self.before is None else self.before.id.hex()
        return {"number": self.number, "before": before, "lasts_ms": self.expires_ms_min}


class Saying:
    """Says our side of agreements, with this hub's key."""

    def __init__(self, context: Context, people: People) -> None:
        self._context, self._people = context, people

    # --- Who may

    def check_may(self, key: bytes) -> None:
        """Refuse whoever is neither an organiser nor a trustee, or whose word would not stand; say who may."""
        standing = self._context.pen.catalog.authority.standing(key)
        if standing is None:
            raise BoardError("not_admitted", "who does not belong agrees to nothing", "`hartig status` says why")
        if standing.rank < Rank.ORGANISER:
            rank = RANK_NAMES[standing.rank]
            detail = f"only an organiser or a trustee agrees with another network; this key is that of a {rank}"
            raise not_allowed("rank", detail, f"ask {self._who(Rank.ORGANISER)}, {WITH_A_KEY}")

    def check_stands(self, key: bytes, partner: bytes) -> None:
        """Refuse a word that another of higher rank would go before."""
        self.check_may(key)
        catalog = self._context.pen.catalog
        held = standing_in(catalog, partner, self._context.clock.now())
        above = [one for one in pacts_of(catalog, partner) if self._rank(one.head.author) > self._rank(key)]
        if not above:
            return
        last = max(above, key=lambda one: (self._rank(one.head.author), *_order(one))).head
        who = self._people.census.by_key[last.author]
        detail = f"{who} has said what stands, and the word of a {RANK_NAMES[who.rank]} goes before"
        hint = f"ask {who}, {WITH_A_KEY}"
        if held is None:  # it hides what others of lower rank say for as long as it is kept (SPEC X3)
            gone = rfc3339(thread_due(last.expires) or 0)[:10]
            detail = f"what {who} said is over, and the word of a {RANK_NAMES[who.rank]} goes before until {gone}"
            hint += ", or wait until then"
        raise not_allowed("rank", detail, hint)

    def _who(self, rank: Rank) -> str:
        able = [str(one) for one in self._people.everybody() if one.state is State.STANDING and one.rank >= rank]
        return " or ".join(able[-NAMED_MAX:]) or "a trustee"

    def _rank(self, key: bytes) -> int:
        standing = self._context.pen.catalog.authority.standing(key)
        return 0 if standing is None else standing.rank

    # --- Where

    def place_of(self, key: bytes, partner: bytes) -> Place:
        """Return where a key's word about a partner is to stand."""
        catalog = self._context.pen.catalog
        own = [one for one in pacts_of(catalog, partner) if one.head.author == key]
        before = max(own, key=_order, default=None)
        # Those of lower rank, too: what one of them said would stand again when this is over before it.
        others = [one for one in pacts_of(catalog, partner) if self._rank(one.head.author) <= self._rank(key)]
        highest = max(others, key=_order, default=None)
        least_ms = 0
        if highest is not None:
            least_ms = (highest.head.expires or 0) + (0 if highest is before else 1)
        number = self._free(key) if before is None else before.head.place or 0
        return Place(number, before, least_ms)

    def _free(self, key: bytes) -> int:
        if key == self._context.pen.key.public:
            pen = self._context.pen
            return pen.free_place(Kind.PACT, b"", self._context.clock.now().wall_ms + LIFE_LONG_MS_MAX)
        catalog, standing = self._context.pen.catalog, self._context.pen.catalog.authority.standing(key)
        for number in range(1, 0 if standing is None else standing.places):
            if (key, "place", number) not in catalog.registers:
                return number
        raise BoardError("no_room", "all places of this key are taken", "sign with another key")

    # --- Saying

    def until(self, days: float | None, least_ms: int = 0) -> int:
        """Return when our side is to end, in ms; raises `BoardError` where that is no time to end, or too early."""
        if days is not None and not 0 < days <= DAYS_MAX:
            hint = f"an agreement lasts {DAYS_MAX} days at most, and can be renewed"
            raise BoardError("bad_request", f"days is a number up to {DAYS_MAX}", hint, "/days")
        now_ms = self._context.clock.now().wall_ms
        if days is None:
            return least_ms or now_ms + DAYS_DEFAULT * DAY_MS
        until_ms = now_ms + int(days * DAY_MS)
        if until_ms < least_ms:
            hint = "leave it, and propose another: `hartig partner leave`"
            raise BoardError("bad_request", "an agreement cannot be given less time than it has", hint, "/days")
        return until_ms

    def sign(self, partner: bytes, terms: Terms | None, until_ms: int) -> Signed:
        """Sign our side with this hub's key, or (None) that it ends."""
        pen = self._context.pen
        place = self.place_of(pen.key.public, partner)
        facts: dict[str, Any] = {"ends": True} if terms is None else terms.facts
        expires_ms = max(until_ms, place.expires_ms_min)
        if place.before is not None:
            return pen.next_version(place.before, facts, None, expires_ms)
        return pen.first(Kind.PACT, partner, [], partner, facts, None, expires_ms, place.number)

    async def publish(
        self, partner: bytes, record: Record, private: Sequence[PrivateRow], *, preview: bool
    ) -> Pact | None:
        """Publish it, or only try what would follow; return what stands then. Raises `BoardError`."""
        copy = await publish_whole(self._context, [record], preview=True)
        pact = standing_in(copy, partner, self._context.clock.now())
        is_meant = pact is None if record.head.ends else pact is not None and pact.id == record.id
        if not is_meant:
            hint = f"`hartig partner show` says who; ask them, {WITH_A_KEY}"
            raise BoardError("refused", "what somebody else has said about this network goes before this", hint)
        if not preview:
            await publish_whole(self._context, [record], private)
        return pact

    def read(self, partner: bytes, wire: Wire) -> Record:
        """Read what was signed with another key; raises `BoardError` where it is not about this partner."""
        try:
            record = open_record(wire)
        except RecordError as error:
            hint = "sign it again as the protocol says"
            raise BoardError("bad_record", f"{error} ({error.code})", hint, "/record") from error
        if (record.head.kind, record.head.subject) != (Kind.PACT, partner):
            raise BoardError("bad_record", "this record is about something else", "sign our side", "/record")
        return record

    def speakers(self) -> Sequence[bytes]:
        """Return the keys of our hubs that speak with partner networks."""
        return [one.key for one in self._people.everybody() if one.speaks]


def _order(record: Record) -> tuple[int, int, bytes]:
    return (record.head.expires or 0, record.head.seq, record.id)
