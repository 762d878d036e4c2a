"""Invites: made here, held out by a newcomer on a link, judged here (design, section 4).

A secret is kept as a hash and looked up by it. The search may take longer the more of a hash agrees; but which hash a
guess has is nobody's choice, and what agrees of one says nothing of the secret, so a better guess takes no longer. It
is consumed in the same commit as the grant that it buys.

Wrong tries are bounded to three a minute from one node, and to a number from all together, beyond which a wrong secret
gets no other answer than a try too many. Since node keys cost nothing, neither may keep a good invite out: it is looked
up first. In an open network who has no invite is admitted, too, so many in an hour; elsewhere whom a person lets in
(`asking`).
"""

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

import msgpack

from hartig_node.board.belonging.asking import Asking
from hartig_node.board.belonging.looking import People
from hartig_node.board.belonging.people import recovery_named
from hartig_node.board.context import Context
from hartig_node.board.errors import BoardError
from hartig_protocol.events import AskAdmission, NewcomerAdmitted, NewcomerRefused, PrivateRow
from hartig_protocol.limits import (
    ADDRESS_BYTES_MAX,
    DAY_MS,
    HOUR_MS,
    INVITE_ADDRESSES_MAX,
    INVITE_USES_MAX,
    JOIN_TRIES_ALL_PER_MINUTE,
    JOIN_TRIES_PER_MINUTE,
    LIFE_LONG_MS_MAX,
    MINUTE_MS,
    OPEN_INVITES,
    OPEN_PER_HOUR_MAX,
    SECRET_BYTES,
)
from hartig_protocol.records.invites import Invite, secret_hash
from hartig_protocol.records.record import Kind
from hartig_protocol.values import value

SPACE_INVITE = "invite"
INVITES_OPEN_MAX = 256
DAYS_MAX = 90.0
PASS_ON_DEFAULT = 20
GRANT_LIFE_MS = LIFE_LONG_MS_MAX
LABEL_CHARACTERS_MAX = 80
_ASK_FIRST = (
    "this hub lets nobody in without an invite now: ask its people for one, "
    "or have them say 'hartig invite --words' and try again"
)

logger = logging.getLogger(__name__)


@value
class InviteView:
    """An invite; `link` only in the answer that makes it. `pass_on`: how many hubs the newcomer may invite in turn."""

    id: str
    uses: int
    uses_left: int
    expires_ms: int
    pass_on: int
    label: str
    link: str | None = None


class Invites:
    """The use cases of invites."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.asking = Asking(context)
        self._tries: deque[tuple[int, bytes]] = deque()
        self._came_openly: deque[int] = deque()  # when, steady ms; each took an invite, so a restart wins little
        # What is left of invites used in this run: two newcomers at once must not both read the row of before.
        self._left: dict[bytes, int] = {}
        self._judged: tuple[bytes, int, bytes] | None = None  # the invite used last, what was left of it, and the hub

    async def create(
        self,
        *,
        uses: int = 1,
        days: float = 7.0,
        addresses: Sequence[str] = (),
        pass_on: int | None = None,
        label: str = "",
    ) -> InviteView:
        """Make an invite; the link with its secret is returned here and never again.

        `pass_on` is by default `PASS_ON_DEFAULT`, or what is left if each of `uses` newcomers has as much.
        """
        self._check(uses, days, addresses, pass_on or 0, label)
        context, left = self._context, self._invites_left()
        if pass_on is None:
            pass_on = max(0, min(PASS_ON_DEFAULT, left // uses - 1))
        if len(await self.list()) >= INVITES_OPEN_MAX:
            raise BoardError("too_many", f"there are {INVITES_OPEN_MAX} open invites", "revoke those not needed")
        now_ms = context.clock.now().wall_ms
        context.pen.free_place(Kind.GRANT, "network", now_ms + GRANT_LIFE_MS)
        if left < 1:
            raise _none_left()
        secret = context.random_bytes(SECRET_BYTES)
        key = secret_hash(secret)
        expires_ms = now_ms + int(days * DAY_MS)
        invite = Invite(context.pen.network, context.node_id, secret, expires_ms, uses, tuple(addresses))
        view = InviteView(key[:8].hex(), uses, uses, expires_ms, pass_on, label.strip(), invite.link)
        await context.keep_private([_row(key, view)])
        return view

    def _check(self, uses: int, days: float, addresses: Sequence[str], pass_on: int, label: str) -> None:
        if not 1 <= uses <= INVITE_USES_MAX:
            raise BoardError("bad_request", f"uses is from 1 to {INVITE_USES_MAX}", "", "/uses")
        if not 0 < days <= DAYS_MAX:
            raise BoardError("bad_request", f"days is a number up to {DAYS_MAX:.0f}", "", "/days")
        if len(addresses) > INVITE_ADDRESSES_MAX or any(len(one.encode()) > ADDRESS_BYTES_MAX for one in addresses):
            detail = f"at most {INVITE_ADDRESSES_MAX} addresses of {ADDRESS_BYTES_MAX} bytes"
            raise BoardError("bad_request", detail, "", "/addresses")
        if not 0 <= pass_on <= INVITE_USES_MAX:
            raise BoardError("bad_request", f"pass_on is from 0 to {INVITE_USES_MAX}", "", "/pass_on")
        if len(label) > LABEL_CHARACTERS_MAX:
            raise BoardError("bad_request", f"label has at most {LABEL_CHARACTERS_MAX} characters", "", "/label")

    async def list(self) -> list[InviteView]:
        """Return the invites that can still be used, the first to end first."""
        rows = await self._context.store.private_list(SPACE_INVITE)
        views = [_view(key, value) for key, value in rows]
        return sorted((view for view in views if not self._is_over(view)), key=lambda one: (one.expires_ms, one.id))

    async def revoke(self, invite_id: str) -> None:
        """Make an invite worthless; who joined by it stays."""
        for key, _ in await self._context.store.private_list(SPACE_INVITE):
            if key[:8].hex() == invite_id:
                self._give_back()
                self._left[key] = 0  # at once: somebody who is being judged with it must not write it anew
                await self._context.keep_private([PrivateRow(SPACE_INVITE, key, None)])
                return
        raise BoardError("not_found", f"there is no invite {invite_id[:40]!r}", "see 'hartig invite --list'")

    async def admit(self, asked: AskAdmission) -> NewcomerAdmitted | NewcomerRefused:
        """Judge a newcomer and the invite that it may hold out, and sign its grant where it is let in."""
        if not asked.secret:
            return self._admit_without(asked)
        if not self._may_try(asked.peer_node):
            return _too_many(asked)
        self._give_back()
        key = secret_hash(asked.secret)
        value = await self._context.store.private_get(SPACE_INVITE, key)
        view = None if value is None else _view(key, value)
        if view is not None and key in self._left:
            view = replace(view, uses_left=min(view.uses_left, self._left[key]))
        if view is None or self._is_over(view):
            if len(self._tries) >= JOIN_TRIES_ALL_PER_MINUTE:
                return _too_many(asked)
            self._tries.append((self._context.clock.now().steady_ms, asked.peer_node))
            reason = "this invite is not known here, was used up or has expired; ask for a new one"
            return NewcomerRefused(asked.link, "bad_invite", reason)
        admitted = self._grant(asked, view.pass_on)
        if isinstance(admitted, NewcomerRefused):
            return admitted
        left = replace(view, uses_left=view.uses_left - 1)
        self._left[key], self._judged = left.uses_left, (key, view.uses_left, asked.hub_key)
        return replace(admitted, used=(_row(key, left),))

    def _give_back(self) -> None:
        """Let the invite be as it was where the core, which judges right after `admit`, refused the newcomer."""
        if self._judged is not None:
            key, left, hub = self._judged
            if self._context.pen.catalog.authority.standing(hub) is None:
                self._left[key] = left
            self._judged = None

    @property
    def is_open(self) -> bool:
        """Whether the network lets in who has no invite."""
        charter = self._context.pen.catalog.charter
        return charter is not None and charter.defaults.open

    def came_openly(self) -> int:
        """How many were let in without an invite within the last hour."""
        return len(_since(self._came_openly, self._context.clock.now().steady_ms - HOUR_MS))

    def _admit_without(self, asked: AskAdmission) -> NewcomerAdmitted | NewcomerRefused:
        """Judge a newcomer that has no invite."""
        if not asked.names_network:
            shows = self.is_open or self.asking.hears(asked)
            return NewcomerRefused(asked.link, "not_admitted_yet" if shows else "not_open", _ASK_FIRST, shows)
        if self.asking.takes(asked):
            return self._grant(asked, PASS_ON_DEFAULT)
        if self.is_open:
            return self._admit_openly(asked)
        if self.asking.hears(asked):
            return NewcomerRefused(asked.link, "not_admitted_yet", "somebody at the other hub has to let this one in")
        return NewcomerRefused(asked.link, "not_open", _ASK_FIRST)

    def _admit_openly(self, asked: AskAdmission) -> NewcomerAdmitted | NewcomerRefused:
        if self.came_openly() >= OPEN_PER_HOUR_MAX:
            reason = (
                f"this hub has let in {OPEN_PER_HOUR_MAX} within the hour; ask another, or later, or with an invite"
            )
            return NewcomerRefused(asked.link, "too_many", reason)
        answer = self._grant(asked, OPEN_INVITES)
        if isinstance(answer, NewcomerAdmitted):
            self._came_openly.append(self._context.clock.now().steady_ms)
            logger.info("let hub %s in without an invite: this network is open", asked.hub_key.hex()[:8])
        return answer

    def _grant(self, asked: AskAdmission, invites: int) -> NewcomerAdmitted | NewcomerRefused:
        try:
            return self._signed(asked, invites)
        except BoardError as error:
            return NewcomerRefused(asked.link, error.code, str(error))

    def _signed(self, asked: AskAdmission, invites: int) -> NewcomerAdmitted:
        context = self._context
        standing = context.pen.catalog.authority.standing(context.pen.key.public)
        if standing is None:
            raise BoardError("not_admitted", "the inviting hub does not belong to the network any more")
        expires_ms = context.clock.now().wall_ms + GRANT_LIFE_MS
        place = context.pen.free_place(Kind.GRANT, "network", expires_ms)
        if self._invites_left() < 1:
            raise _none_left()  # the grant would admit nobody (SPEC A4), and the invite stays as it was
        facts = {"rank": "hub", "places": standing.places, "invites": invites}
        recovery = asked.recovery or recovery_named(context.pen.catalog, asked.hub_key)
        if recovery is not None:
            facts["recovery"] = list(recovery)
        signed = context.pen.first(Kind.GRANT, asked.hub_key, [], "network", facts, None, expires_ms, place)
        return NewcomerAdmitted(asked.link, signed.record.wire, tuple(signed.private))

    def _invites_left(self) -> int:
        """How many this hub may still let in: whom it let in may have taken others along."""
        return People(self._context).census.invites_left(self._context.pen.key.public)

    def _may_try(self, node: bytes) -> bool:
        """Whether this node has tries left. What strangers try keeps nobody with a good invite out."""
        now_ms = self._context.clock.now().steady_ms
        while self._tries and self._tries[0][0] <= now_ms - MINUTE_MS:
            self._tries.popleft()
        return sum(1 for _, tried in self._tries if tried == node) < JOIN_TRIES_PER_MINUTE

    def _is_over(self, view: InviteView) -> bool:
        now = self._context.clock.now()
        return view.uses_left < 1 or (now.trusted and view.expires_ms <= now.wall_ms)


def _none_left() -> BoardError:
    return BoardError("no_invites", "all invites of this hub are used up", "ask another hub or an organiser")


def _too_many(asked: AskAdmission) -> NewcomerRefused:
    return NewcomerRefused(asked.link, "too_many", "too many tries; wait a minute")


def _since(times: deque[int], from_ms: int) -> deque[int]:
    """Let go of what is older."""
    while times and times[0] <= from_ms:
        times.popleft()
    return times


def _row(key: bytes, view: InviteView) -> PrivateRow:
    """The row of an invite; one that is used up goes."""
    if view.uses_left < 1:
        return PrivateRow(SPACE_INVITE, key, None)
    value = msgpack.packb([view.uses, view.uses_left, view.expires_ms, view.pass_on, view.label])
    return PrivateRow(SPACE_INVITE, key, value, view.expires_ms)


def _view(key: bytes, value: bytes) -> InviteView:
    uses, uses_left, expires_ms, pass_on, label = msgpack.unpackb(value)
    return InviteView(key[:8].hex(), uses, uses_left, expires_ms, pass_on, label)
