"""The hub's pen: everything that this hub signs is made here, logged, and given a place.

In: what to say. Out: signed records with the private rows (the log of what was signed) that belong in the same commit.
A thread's `expires` never shrinks and its seq always grows, also when the clock went backwards (design, section 3).
Steps follow one another: seq and the id before come from the catalog, whose word is ahead of the disk, and nothing is
signed in a chain that has ended (rule 3 of the design).
While nobody vouches for the time, everything is marked `approx` and takes the longest life (section 6).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hartig_node.board.drafts.drafts import from_record_error
from hartig_node.board.ending import end_reason, has_ended, is_full
from hartig_node.board.errors import BoardError
from hartig_node.clock import Clock
from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.catalog.entry import POSTS, Entry, register_of_head
from hartig_protocol.encoding import encode
from hartig_protocol.errors import RecordError
from hartig_protocol.events import Now, PrivateRow
from hartig_protocol.exchange.chains import EndReason
from hartig_protocol.limits import LIFE_REVOKE_MS_MAX, NONCE_BYTES, STAMP_AHEAD_MS_MAX, STEPS_MAX, VERSION_HIGHEST
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.records.kinds import life_ms_max
from hartig_protocol.records.opening import sign_record
from hartig_protocol.records.record import Head, Kind, Record, body_hash, thread_id
from hartig_protocol.values import value

SPACE_SIGNED = "signed"
SPACE_SETTING = "setting"
KEY_SEQ_FLOOR = b"seq_floor"
KEY_CLAIMED = b"own_records_claimed"  # how often, and by which key they were signed
KEY_RESTORES = b"restores"  # by `hartig restore`: how often, of which key, and when last
KEY_CLAIMS_FLOOR = b"claims_floor"  # with the seq floor that it was written beside
BEFORE_THE_FIRST = (0, b"")  # `after` of the first step on a post that is signed in the same batch
SEQ_RAISE = 65_536  # design, section 4: what a restored hub adds to the seq of all its registers


@value
class Signed:
    """A signed record and the line of the log that goes with it."""

    record: Record
    private: tuple[PrivateRow, ...]


class Pen:
    """Signs for this hub."""

    def __init__(
        self, key: SigningKey, network: bytes, catalog: Catalog, clock: Clock, random_bytes: Callable[[int], bytes]
    ) -> None:
        self.key, self.network, self.catalog = key, network, catalog
        self._clock, self._random_bytes = clock, random_bytes
        self.seq_floor = 0
        self.stopped: str | None = None
        self.posts_signed = 0  # versions of needs and offers that go on, in this run
        self._next_place = {"place": 0, "hub": 0, "grant": 0}
        self._last_step = (b"", 0)  # id and stamp: of several in one batch the catalog does not know yet

    def __repr__(self) -> str:
        return f"<Pen of {self.key.public.hex()[:8]}{' stopped' if self.stopped else ''}>"

    def nonce(self) -> bytes:
        """Return a fresh nonce for a new thread."""
        return self._random_bytes(NONCE_BYTES)

    def first(
        self,
        kind: int,
        subject: bytes,
        fixed: list[Any],
        audience: str | bytes,
        facts: dict[str, Any],
        body: dict[str, Any] | None,
        expires_ms: int,
        place: int | None,
        life_ms: int | None = None,
    ) -> Signed:
        """Sign the first version of a thread into a place, which a removal has none of.

        `life_ms` is for what may not last as long as its kind.
        """
        life_ms = life_ms_max(kind) if life_ms is None else life_ms
        held = None if place is None else self.catalog.registers.get((self.key.public, _family(kind, audience), place))
        reading = self._clock.reading()
        stamp = reading.wall_ms
        if held is not None:  # the place is used again, and what stands in it must be outlasted
            stamp = max(stamp, (held.expires or 0) + 1 - life_ms)
        latest = stamp + life_ms
        expires = min(expires_ms, latest) if reading.trusted else latest
        facts = marked(facts, approx=not reading.trusted)
        seq = max(1, self.seq_floor)
        return self._sign(kind, place, subject, fixed, seq, stamp, expires, audience, facts, body)

    def next_version(
        self,
        before: Record,
        facts: dict[str, Any],
        body: dict[str, Any] | bytes | None,
        expires_ms: int,
        life_ms: int | None = None,
    ) -> Signed:
        """Sign the next version of a thread; its `expires` is no earlier than before. `life_ms` as for `first`.

        Raises `BoardError` (`chain_ended`) for a post from before a restore whose account may have been written in
        since: under a raised seq it would go on.
        """
        head = before.head
        if not facts.get("ends"):
            self._check_goes_on(head)
        # No earlier than what lets the new version last as long as the one before, should the clock have gone back.
        reading = self._clock.reading()
        life_ms = life_ms_max(head.kind) if life_ms is None else life_ms
        stamp = max(reading.wall_ms, (head.expires or 0) - life_ms)
        latest = stamp + life_ms
        expires = min(max(expires_ms, head.expires or 0, stamp + 1), latest)
        if not reading.trusted and not facts.get("ends"):
            expires = latest
        facts = marked(facts, approx=not reading.trusted)
        seq = max(head.seq + 1, self.seq_floor)
        audience = head.audience
        return self._sign(head.kind, head.place, head.subject, head.fixed, seq, stamp, expires, audience, facts, body)

    def step(
        self,
        register: Record,
        facts: Mapping[str, Any],
        body: dict[str, Any] | None = None,
        after: tuple[int, bytes] | None = None,
    ) -> Signed:
        """Sign the next step on a need or an offer of this hub.

        `after` is seq and id of the step before, where several are signed in one batch (`BEFORE_THE_FIRST` where the
        post is signed in it, too); else the chain that is held says it. The caller makes sure that nobody else signs
        in this chain until the step is handed in (`Ledger.writing`): two steps after one would end it.
        Raises `BoardError`: `stopped_signing`, or `chain_ended` where the chain has ended or is full.
        """
        head = register.head
        self._check_signing()
        reason = self.end_of(head)
        is_new = after is not None and reason is EndReason.VOID  # its post is signed in the same batch
        if reason is not None and not is_new:
            raise has_ended(reason, head.kind)
        seq, before = self._tip(head.thread) if after is None else after
        if seq >= STEPS_MAX:
            raise is_full(head.kind)
        reading = self._clock.reading()
        stamp = max(reading.wall_ms, self._stamp_of(before))
        signed = self._sign_step(head, seq + 1, before or None, stamp, marked(facts, approx=not reading.trusted), body)
        self._last_step = (signed.record.id, stamp)
        return signed

    def is_standing(self, post: Head) -> bool:
        """Tell whether a post stands in its place, or will as soon as it is durable."""
        register = register_of_head(post)
        standing = None if register is None else self.catalog.registers.get(register)
        return standing is not None and standing.thread == post.thread

    def is_own(self, author: bytes) -> bool:
        """Tell whether an author is this hub."""
        return author == self.key.public

    def end_of(self, post: Head) -> EndReason | None:
        """Return why the chain of a need or an offer has ended, of our own also because this hub was restored."""
        seq_floor = self.seq_floor if post.author == self.key.public else 0
        return end_reason(self.catalog, post, self._clock.now(), seq_floor)

    def _check_goes_on(self, post: Head) -> None:
        has_account = post.kind == Kind.OFFER or (post.kind == Kind.NEED and post.thread in self.catalog.chains)
        if has_account and self.end_of(post) is EndReason.RESTORED:
            raise has_ended(EndReason.RESTORED, post.kind)

    def _tip(self, thread: bytes) -> tuple[int, bytes]:
        chain = self.catalog.chains.get(thread)
        return (len(chain.steps), chain.steps[-1]) if chain is not None and chain.steps else BEFORE_THE_FIRST

    def _stamp_of(self, step: bytes) -> int:
        entry = self.catalog.entries.get(step)
        held = 0 if entry is None else entry.stamp
        return max(held, self._last_step[1]) if step == self._last_step[0] else held

    def _sign_step(
        self, of: Head, seq: int, prev: bytes | None, stamp: int, facts: dict[str, Any], body: dict[str, Any] | None
    ) -> Signed:
        body_bytes = None if body is None else encode(body)
        digest = None if body_bytes is None else body_hash(body_bytes)
        own = self.key.public
        fixed: list[Any] = []
        return self._finish(
            Head(
                VERSION_HIGHEST,
                self.network,
                Kind.STEP,
                own,
                of.thread,
                of.place,
                b"",
                fixed,
                seq,
                prev,
                stamp,
                None,
                of.audience,
                facts,
                digest,
            ),
            body_bytes,
        )

    def _sign(
        self,
        kind: int,
        place: int | None,
        subject: bytes,
        fixed: list[Any],
        seq: int,
        stamp: int,
        expires: int,
        audience: str | bytes,
        facts: dict[str, Any],
        body: dict[str, Any] | bytes | None,
    ) -> Signed:
        self._check_signing()
        body_bytes = body if isinstance(body, bytes) or body is None else encode(body)
        thread = thread_id(self.network, kind, self.key.public, audience, place, subject, fixed)
        digest = None if body_bytes is None else body_hash(body_bytes)
        head = Head(
            VERSION_HIGHEST,
            self.network,
            kind,
            self.key.public,
            thread,
            place,
            subject,
            fixed,
            seq,
            None,
            stamp,
            expires,
            audience,
            facts,
            digest,
        )
        signed = self._finish(head, body_bytes)
        if kind in POSTS and not facts.get("ends"):
            self.posts_signed += 1
        return signed

    def _finish(self, head: Head, body_bytes: bytes | None) -> Signed:
        self._check_stamp(head.stamp)
        try:
            record = sign_record(head, body_bytes, [self.key])
        except RecordError as error:
            raise from_record_error(error) from error
        self._clock.saw(head.stamp)
        return Signed(record, (logged(record),))

    def _check_signing(self) -> None:
        if self.stopped:
            hint = "stop this hub and give it a new key: `hartig recover hub`"
            raise BoardError("stopped_signing", self.stopped, hint)

    def _check_stamp(self, stamp: int) -> None:
        """Refuse to sign what every hub that knows the time would refuse, as when the version before is dated ahead."""
        reading = self._clock.reading()
        if reading.trusted and stamp > reading.wall_ms + STAMP_AHEAD_MS_MAX:
            detail = "what it replaces is dated ahead of this hub's clock, so nobody would take it yet"
            raise BoardError("refused", detail, "look whether the time is right: `hartig clock`; else post it anew")

    def has_taken(self, signed: Signed) -> bool:
        """Tell whether the catalog holds this very version: then it is durable, or will be as soon as there is room."""
        head = signed.record.head
        standing = self.catalog.standing_of(head)
        return standing is not None and standing[0] == head.seq

    # --- Places

    def own_posts(self) -> Iterator[Entry]:
        """Yield what stands of this hub's needs and offers; also what has ended or expired, as long as it is held."""
        own, registers = self.key.public, self.catalog.registers
        standing = self.catalog.authority.standing(own)
        for family in ("place", "hub"):
            held = registers.of_author(own, family, 0 if standing is None else standing.places)
            yield from (entry for entry in held if entry.kind in POSTS)

    def free_place(
        self, kind: int, audience: str | bytes, expires_ms: int, taken: set[tuple[str, int]] | None = None
    ) -> int:
        """Return a place for a new thread: one never used, else one whose thread has ended and dies earlier.

        `taken` holds (family, place) pairs that a batch uses already; the place is added to it.
        Raises `BoardError` where this hub has none left.
        """
        standing = self.catalog.authority.standing(self.key.public)
        if standing is None:
            hint = "`hartig status` says why, and what to do"
            raise BoardError("not_admitted", "it can post and let in nobody", hint)
        family = _family(kind, audience)
        room = standing.invites if family == "grant" else standing.places
        taken = set() if taken is None else taken
        place = self._place_in(family, room, expires_ms, taken)
        taken.add((family, place))
        return place

    def _place_in(self, family: str, room: int, expires_ms: int, taken: set[tuple[str, int]]) -> int:
        registers, own = self.catalog.registers, self.key.public
        first = 1 if family == "place" else 0  # place 0 is the hub's own card
        place = max(first, self._next_place[family])
        while place < room:
            if (own, family, place) not in registers and (family, place) not in taken:
                self._next_place[family] = place
                return place
            place += 1
        self._next_place[family] = room
        now = self._clock.now()
        for place in range(first, room):
            held = registers.get((own, family, place))
            is_free = held is None or self._is_reusable(held, expires_ms, now)
            if is_free and (family, place) not in taken:
                return place
        if family == "grant":
            raise BoardError("no_invites", "all invites of this hub are used up", "ask another hub or an organiser")
        hint = "withdraw posts that are over, or ask an organiser for more room"
        raise BoardError("no_room", f"all {room} places of this hub are taken", hint)

    def _is_reusable(self, held: Entry, expires_ms: int, now: Now) -> bool:
        # What partner networks may hold is followed by nothing else in its place while it could stand there.
        may_end = held.ends and held.audience in ("hub", "network")
        over = may_end or (now.trusted and (held.expires or 0) <= now.wall_ms)
        return over and (held.expires or 0) < expires_ms


def marked(facts: Mapping[str, Any], *, approx: bool) -> dict[str, Any]:
    """Return facts that say whether the dates of their record are about right only (SPEC, part L)."""
    plain = {name: value for name, value in facts.items() if name != "approx"}
    return {**plain, "approx": True} if approx else plain


def logged(record: Record, now_ms: int | None = None) -> PrivateRow:
    """Return the line of the log of what this hub signed.

    Where the dates are about right only it stays until the time is known: then `now_ms` counts.
    """
    if now_ms is None and not record.head.facts.get("approx"):
        now_ms = record.head.stamp
    return PrivateRow(SPACE_SIGNED, record.id, b"", None if now_ms is None else now_ms + LIFE_REVOKE_MS_MAX)


def _family(kind: int, audience: str | bytes) -> str:
    if kind == 2:
        return "grant"
    return "hub" if audience == "hub" else "place"
