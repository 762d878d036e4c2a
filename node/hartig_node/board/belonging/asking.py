"""Hubs that ask to be let in with no invite, while two people compare words by voice (SPEC, part I).

A person opens the door for some minutes; who asks meanwhile is remembered, in memory alone, with the words that the
other side shows. Whom the person lets in is admitted when it asks again, once. Who calls: `invites`, the API.
"""

import asyncio
from dataclasses import replace

from hartig_node.board.context import Context
from hartig_node.board.errors import BoardError
from hartig_protocol.events import AskAdmission
from hartig_protocol.limits import ASKING_MAX, ASKING_MS_MAX, MINUTE_MS
from hartig_protocol.records.keys import sha256_of
from hartig_protocol.records.words import pairing_words
from hartig_protocol.values import value

ID_BYTES = 16  # of a hash over both keys: nobody makes keys that another's id stands for
NOBODY_MS = 5 * MINUTE_MS  # a newcomer asks every few seconds, once it runs; who has not for so long has gone


@value
class AskingView:
    """A hub that asks. `words` are what its people read out; `let_in`: it is admitted when it asks again."""

    id: str
    hub: bytes
    words: str
    let_in: bool


@value
class _Asking:
    heard_ms: int
    words: str = ""
    let_in: bool = False


class Asking:
    """The door, and who stands before it."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._open_until_ms = 0  # steady
        self._asking: dict[tuple[bytes, bytes], _Asking] = {}  # by node and hub key; who was heard longest ago first

    def _now_ms(self) -> int:
        return self._context.clock.now().steady_ms

    def open(self) -> None:
        """Remember who asks from now on, for ten minutes."""
        self._open_until_ms = self._now_ms() + ASKING_MS_MAX

    def close(self) -> None:
        """Nobody else is let in; who was waiting is forgotten."""
        self._open_until_ms = 0
        self._asking.clear()

    @property
    def open_ms(self) -> int:
        """How long the door stays open yet; 0 where it is shut."""
        return max(0, self._open_until_ms - self._now_ms())

    def hears(self, asked: AskAdmission) -> bool:
        """Remember a hub that asks, if the door is open; the one not heard for longest makes room."""
        if not self.open_ms:
            return False
        key = (asked.peer_node, asked.hub_key)
        before = self._asking.pop(key, _Asking(0))
        self._asking[key] = replace(before, heard_ms=self._now_ms())
        if len(self._asking) > ASKING_MAX:
            waiting = (one for one, held in self._asking.items() if not held.let_in)
            del self._asking[next(waiting, key)]
        return True

    def takes(self, asked: AskAdmission) -> bool:
        """Whether a person has let this very node and key in; it counts once."""
        held = self._asking.get((asked.peer_node, asked.hub_key))
        if held is None or not held.let_in or not self.open_ms:
            return False
        del self._asking[asked.peer_node, asked.hub_key]
        return True

    async def list(self) -> list[AskingView]:
        """Return who asks now, with the words, the latest first."""
        if not self.open_ms:
            self._asking.clear()
        since_ms = self._now_ms() - NOBODY_MS
        self._asking = {key: one for key, one in self._asking.items() if one.let_in or one.heard_ms > since_ms}
        network, own = self._context.pen.network, self._context.node_id
        for node, hub in list(self._asking):
            waiting = self._asking.get((node, hub))  # the door may be shut while words are found
            if waiting is not None and not waiting.words:  # in a thread: finding words is slow on purpose
                words = await asyncio.to_thread(pairing_words, network, node, hub, own)
                held = self._asking.get((node, hub))
                if held is not None:
                    self._asking[node, hub] = replace(held, words=words)
        return [AskingView(_id(key), key[1], one.words, one.let_in) for key, one in reversed(self._asking.items())]

    def let_in(self, asking_id: str) -> None:
        """The words agree: admit this hub when it asks again."""
        key = self._find(asking_id)
        if not self._asking[key].words:
            raise BoardError("conflict", "nobody has compared its words yet", "list who asks first")
        self._asking[key] = replace(self._asking[key], let_in=True)

    def turn_away(self, asking_id: str) -> None:
        """The words differ: somebody may stand between the two; forget this hub."""
        del self._asking[self._find(asking_id)]

    def _find(self, asking_id: str) -> tuple[bytes, bytes]:
        for key in self._asking:
            if _id(key) == asking_id:
                return key
        raise BoardError("not_found", f"no hub {asking_id[:40]!r} asks to be let in", "see 'hartig invite --asking'")


def _id(key: tuple[bytes, bytes]) -> str:
    return sha256_of(*key)[:ID_BYTES].hex()
