"""Suggestions: whom a partner network has removed; people here look, and take it over for this hub or leave it.

Nothing happens by itself. To take one mutes that key here, as people do it themselves; to leave one makes it stay away.
In: the records of partner networks. Out: what they say, and private rows of what was left. Who calls: `partners`.
"""

from typing import Any

from hartig_node.board.context import Context
from hartig_node.board.errors import BoardError
from hartig_node.board.moderation.hiding import Hiding
from hartig_node.board.partners.agreed import partners_of
from hartig_node.board.partners.foreign import Foreign
from hartig_node.board.partners.held import Held, held_of, name_of
from hartig_node.board.times import rfc3339
from hartig_protocol.events import PrivateRow
from hartig_protocol.limits import LIFE_REVOKE_MS_MAX
from hartig_protocol.records.record import Kind, Record
from hartig_protocol.values import value

SPACE_LEFT = "suggestion_left"
SHOWN_MAX = 100  # of each partner network, the newest: nobody looks through more


@value
class Suggestion:
    """That a partner network has removed somebody."""

    id: bytes
    network: bytes
    network_name: str
    key: bytes
    name: str | None
    by: bytes
    by_name: str | None
    at_ms: int
    belongs_here: bool

    def as_json(self) -> dict[str, Any]:
        """The suggestion as the node API gives it."""
        return {
            "id": self.id.hex(),
            "network": self.network.hex(),
            "network_name": self.network_name,
            "key": self.key.hex(),
            "name": self.name,
            "by": self.by.hex(),
            "by_name": self.by_name,
            "at": rfc3339(self.at_ms),
            "belongs_here": self.belongs_here,
        }


class Suggestions:
    """The use cases of what partner networks suggest."""

    def __init__(self, context: Context, hiding: Hiding, foreign: Foreign) -> None:
        self._context, self._hiding, self._foreign = context, hiding, foreign

    async def list(self) -> list[Suggestion]:
        """Return what nobody here has taken or left, the newest first."""
        left = {key for key, _ in await self._context.store.private_list(SPACE_LEFT)}
        muted = await self._hiding.muted()
        found: list[Suggestion] = []
        for network in partners_of(self._context):
            held = held_of(self._context.partners.get(network))
            said = [] if held is None else _removals(held)
            some = [one for one in said if one.id not in left and one.head.subject not in muted][:SHOWN_MAX]
            if held is not None and some:
                names = await self._context.cards.names(network)
                found += [self._of(network, held, one, names) for one in some]
        return sorted(found, key=lambda one: (-one.at_ms, one.id))

    def _of(self, network: bytes, held: Held, said: Record, names: dict[bytes, str]) -> Suggestion:
        names = {**names, **self._context.names()}
        key, by = said.head.subject, said.head.author
        belongs_here = self._context.pen.catalog.authority.standing(key) is not None
        return Suggestion(
            said.id, network, name_of(held[0]), key, names.get(key), by, names.get(by), said.head.stamp, belongs_here
        )

    async def take(self, record: bytes, who: str = "") -> None:
        """Hide here whatever the key posts, with a note of who suggested it."""
        one = await self._get(record)
        await self._hiding.mute(one.key.hex(), f"{one.network_name or 'a partner network'} has removed it", who)

    async def leave(self, record: bytes) -> None:
        """Do nothing, and do not show it again."""
        one = await self._get(record)
        await self._context.keep_private([PrivateRow(SPACE_LEFT, one.id, b"", one.at_ms + LIFE_REVOKE_MS_MAX)])

    async def _get(self, record: bytes) -> Suggestion:
        for one in await self.list():
            if one.id == record:
                return one
        raise BoardError("not_found", "nothing of this kind is suggested", "the list shows what is")


def _removals(held: Held) -> list[Record]:
    """Return the removals that count in a partner network, the newest first."""
    catalog = held[0]
    said = [one for one in catalog.governance.values() if one.head.kind == Kind.REVOKE]
    counting = [one for one in said if one.id in catalog.authority.proven]
    return sorted(counting, key=lambda one: (-one.head.stamp, one.id))
