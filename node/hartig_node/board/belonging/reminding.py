"""Events for memberships that end soon, so that programs and pages need not ask for them again and again.

In: whose membership ends within 60 days, of this hub and of whom it let in (`rules`). Out: one event for each end, with
a private row that remembers it: a membership that was renewed ends later, and is told of again then. Called hourly by
`timekeeper`.
"""

import msgpack

from hartig_node.board.belonging.rules import Rules
from hartig_node.board.context import Context
from hartig_protocol.events import Notice, PrivateRow
from hartig_protocol.records.record import Kind

SPACE_REMINDED = "reminded"
ENDS_SOON = "member.ending"


class Reminders:
    """Tells once of each membership that ends soon."""

    def __init__(self, context: Context, rules: Rules) -> None:
        self._context, self._rules = context, rules

    async def look(self) -> None:
        """Tell of those that nobody was told of yet; raises `BoardError` where the disk is full."""
        soon = {person.key: (person, until_ms) for person, until_ms in (*self._rules.ending(), *self._rules.own_end())}
        if not soon:
            return
        told = dict(await self._context.store.private_list(SPACE_REMINDED))
        now_ms = self._context.clock.now().wall_ms
        rows, notices = [], []
        for key, (person, until_ms) in sorted(soon.items()):
            value = msgpack.packb(until_ms)
            if told.get(key) != value:
                rows.append(PrivateRow(SPACE_REMINDED, key, value, until_ms))
                notices.append(Notice(ENDS_SOON, now_ms, b"", person.grant or b"", int(Kind.GRANT), key))
        if rows:
            await self._context.keep_private(rows, notices)
