"""Minding partner networks: what is wrong with them, for `status`, `doctor` and pages, and events that tell it once.

In: what is agreed, which hubs speak, what hubs of theirs have given (SPEC X7). Out: problems in words; events, each
with a private row that remembers it. Called hourly by `timekeeper`, and by whoever asks how the hub is.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgpack

from hartig_node.board.belonging.looking import People
from hartig_node.board.belonging.people import REMINDED_MS
from hartig_node.board.context import Context
from hartig_node.board.partners.agreed import Agreement, agreements
from hartig_node.board.partners.held import held_of
from hartig_node.wording import how_many
from hartig_protocol.events import Notice, PrivateRow
from hartig_protocol.limits import DAY_MS
from hartig_protocol.records.record import Kind

SPEAKERS_WANTED = 2  # then one of them may die
SILENT_MS = 7 * DAY_MS  # a hub that is away for a week end is no news
MET_EVERY_MS = DAY_MS  # how often it is written down that a network is met: cards wear out
SPACE_MET, SPACE_TOLD = "partner_met", "partner_told"
ENDS_SOON, SHORT = "agreement.ending", "agreement.short"
Told = tuple[str, str, str]


class Minding:
    """Looks after what is agreed with partner networks."""

    def __init__(self, context: Context, people: People) -> None:
        self._context, self._people = context, people

    def speakers(self) -> Sequence[bytes]:
        """Return the keys of our hubs that speak with partner networks."""
        return [one.key for one in self._people.everybody() if one.speaks]

    # --- In words

    async def problems(self) -> Sequence[Told]:
        """Return (code, what, hint) for `status` and `doctor`."""
        known = await agreements(self._context)
        if not known:
            return []
        found = [*self._of_speakers(), *self._of_ends(known), *await self._of_silence(known), *_of_theirs(known)]
        for one in known:
            found += await self._of_short(one)
        return found

    def _of_speakers(self) -> Sequence[Told]:
        speakers = len(self.speakers())
        if speakers >= SPEAKERS_WANTED:
            return []
        what = "no hub" if not speakers else "one hub alone"
        said = f"{what} of this network speaks with partner networks: when it is away, nothing crosses"
        return [("few_speakers", said, "let another hub do it, too: `hartig member renew KEY --partners`")]

    def _of_ends(self, known: Sequence[Agreement]) -> Sequence[Told]:
        ending = [one.network.hex()[:8] for one in self._ending(known)]
        if not ending:
            return []
        what = f"what is agreed with {how_many(len(ending), 'partner network')} ends soon: {', '.join(ending)}"
        return [("agreements_end", what, "an organiser renews it: `hartig partner change NAME --days 365`")]

    def _ending(self, known: Sequence[Agreement]) -> Sequence[Agreement]:
        now = self._context.clock.now()
        return [one for one in known if now.trusted and one.ours.expires_ms <= now.wall_ms + REMINDED_MS]

    async def _of_silence(self, known: Sequence[Agreement]) -> Sequence[Told]:
        """Name the networks that this hub is to speak with, and has not met for long."""
        met, now = await self._met(), self._context.clock.now()
        silent = [
            (one, (now.wall_ms - met[one.network]) // DAY_MS)
            for one in self._to_meet(known)
            if not one.links and now.trusted and now.wall_ms - met.get(one.network, now.wall_ms) >= SILENT_MS
        ]
        hint = "ask its people whether their hub is on; `hartig peers` says why there is no link"
        return [("partner_silent", f"no hub of {one} was met for {days} days", hint) for one, days in silent]

    def _to_meet(self, known: Sequence[Agreement]) -> Sequence[Agreement]:
        if self._context.pen.key.public not in self.speakers():
            return []
        return [one for one in known if one.theirs is not None]

    async def _of_short(self, one: Agreement) -> Sequence[Told]:
        names = await self._context.cards.names(one.network)
        other = next((names.get(hub, hub.hex()[:8]) for hub in self._full(one)), "another hub of it")
        hint = "ask its people what is wrong with that hub, or what it keeps back; from the others all arrives"
        found = []
        for hub, missing in sorted(one.short.items()):
            who, entries = names.get(hub, hub.hex()[:8]), how_many(missing, "entry", "entries")
            found.append(("partner_short", f"{who} of {one} did not give {entries} that {other} gave", hint))
        return found

    def _full(self, one: Agreement) -> Sequence[bytes]:
        """Return the hubs of a network that are connected and have given all."""
        held = held_of(self._context.partners.get(one.network))
        hubs = sorted({peer.hub for peer in self._context.engine.peers.open() if peer.hub is not None})
        standings = {} if held is None else held[0].authority.standings
        return [hub for hub in hubs if hub in standings and hub not in one.short]

    # --- Hourly

    async def look(self) -> None:
        """Tell once of each agreement that ends soon and each hub that gives less, and remember whom we met.

        Raises `BoardError` where the disk is full.
        """
        known, now = await agreements(self._context), self._context.clock.now()
        told = dict(await self._context.store.private_list(SPACE_TOLD))
        rows, notices = await self._meetings(known), list[Notice]()
        for one, name, key, value in self._news(known):
            if told.get(key) != value:
                rows.append(PrivateRow(SPACE_TOLD, key, value, one.ours.expires_ms))
                notices.append(
                    Notice(name, now.wall_ms, b"", one.ours.record, int(Kind.PACT), key[1 + len(one.network) :])
                )
        shorts = {key for one, name, key, _ in self._news(known) if name == SHORT}
        rows += [PrivateRow(SPACE_TOLD, key, None) for key in told if key[:1] == b"s" and key not in shorts]
        if rows:
            await self._context.keep_private(rows, notices)

    def _news(self, known: Sequence[Agreement]) -> Sequence[tuple[Agreement, str, bytes, bytes]]:
        """Return what is to be told, under which key it is remembered, and what would make it news again."""
        ends = [(one, ENDS_SOON, b"e" + one.network, msgpack.packb(one.ours.expires_ms)) for one in self._ending(known)]
        return [*ends, *((one, SHORT, b"s" + one.network + hub, b"") for one in known for hub in sorted(one.short))]

    async def _met(self) -> Mapping[bytes, int]:
        rows = await self._context.store.private_list(SPACE_MET)
        return {network: msgpack.unpackb(value) for network, value in rows}

    async def _meetings(self, known: Sequence[Agreement]) -> list[PrivateRow]:
        """Return what is to be written down of whom we meet; a new agreement counts as met when it is first seen."""
        met, now_ms = await self._met(), self._context.clock.now().wall_ms
        return [
            PrivateRow(SPACE_MET, one.network, msgpack.packb(now_ms), one.ours.expires_ms)
            for one in self._to_meet(known)
            if one.network not in met or (one.links and now_ms - met[one.network] >= MET_EVERY_MS)
        ]

    # --- In figures

    async def figures(self) -> Sequence[dict[str, Any]]:
        """Return of each partner network how many of its records are here, and how many of its hubs are connected."""
        found = []
        for one in await agreements(self._context):
            held = held_of(self._context.partners.get(one.network))
            records = 0 if held is None else len(held[0].entries)
            named = {"id": one.network.hex(), "name": one.name or None, "state": one.state}
            found.append({**named, "records": records, "links": one.links})
        return found


def _of_theirs(known: Sequence[Agreement]) -> Sequence[Told]:
    """Name the networks of which one hub alone speaks with ours."""
    few = [str(one) for one in known if one.theirs is not None and one.speakers < SPEAKERS_WANTED]
    hint = "ask its people to let another hub do it, too: then what one keeps back or loses shows, and one may be away"
    return [("partner_few_speakers", f"of {name} fewer than two hubs speak with ours", hint) for name in few]
