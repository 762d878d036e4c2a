"""Answers that are kept, so that a request which comes twice is carried out once: private rows, bounded and sealed.

In: the name of a request (who asks, and the key that they chose), its fingerprint, its answer. Out: what is known of a
name. Where doing it twice would be two things, a row is written before the work begins, and again with the answer; so
what a row says is true after a crash, too. Who calls: `idempotency`.

    no row                       nobody has asked so, or it was 24 hours ago, or nothing came of it
    a row without an answer      begun; if nobody is at it now, the hub stopped in the middle of it
    a row with an answer         done, and this was said
    a row with a bodiless one    done; what was said is secret, or too long to be kept

An answer is sealed with the key that its asker chose: texts that were withdrawn since cannot be read here, nor in a
backup. Only names, times and sizes stay in memory.
"""

import asyncio
import logging
from collections.abc import Sequence

import msgpack
from aiohttp import web
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from hartig_node.api.kept_index import ASKER_BYTES, KeptIndex
from hartig_node.board.board import Board
from hartig_node.board.errors import BoardError
from hartig_protocol.events import PrivateRow
from hartig_protocol.limits import DAY_MS
from hartig_protocol.records.keys import sha256
from hartig_protocol.values import value

logger = logging.getLogger(__name__)

SPACE = "idempotency"
KEPT_MS = DAY_MS
ANSWER_BYTES_MAX = 256 * 1024  # a batch of 100 drafts of the usual size is answered with about 120 kB
WRITE_S_MAX = 10.0  # a commit takes milliseconds; on a full disk it takes until somebody comes
_NONCE_BYTES = 12
_PREFIX_ROW = b"hartig/1 idempotency row\x00"
_PREFIX_SEAL = b"hartig/1 idempotency seal\x00"
_NOT_KEPT = frozenset({"content-length", "date", "server"})


@value
class RequestName:
    """What a request is called: the key of its row, which does not tell the asker's, and the seal of its answer."""

    row: bytes
    seal: bytes

    @classmethod
    def of(cls, asker: str, key: str) -> "RequestName":
        """Return the name under which an asker sends a request."""
        both = f"{asker}\x00{key}".encode()
        own, rest = sha256(_PREFIX_ROW, asker.encode()), sha256(_PREFIX_ROW, both)
        return cls(own[:ASKER_BYTES] + rest[ASKER_BYTES:], sha256(_PREFIX_SEAL, both))


@value
class Said:
    """An answer; `body` is None where it was not kept."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes | None


@value
class Kept:
    """What is known of a request; `said` is None where it was only begun."""

    fingerprint: bytes
    at_ms: int
    said: Said | None


class KeptAnswers:
    """All kept answers of one node."""

    def __init__(self, board: Board) -> None:
        # The rows are the API's own: no use case has to know of them.
        self._context = board.context
        self._index = KeptIndex()
        self._loading = asyncio.Lock()
        self._is_loaded = False

    def __repr__(self) -> str:
        return f"<KeptAnswers {self._index!r}>"

    async def find(self, name: RequestName) -> Kept | None:
        """Return what is known of a request."""
        value = await self._context.store.private_get(SPACE, name.row)
        kept = None if value is None else _read(value, name)
        return None if kept is None or kept.at_ms < self._oldest_ms() else kept

    async def begin(self, name: RequestName, fingerprint: bytes) -> None:
        """Write down that this is about to be done; raises `BoardError` where that cannot be."""
        if not await self._write(name, fingerprint, b""):
            hint = "free some space on the hub's disk"
            raise BoardError("disk_full", "the disk is full or does not answer, so nothing was begun", hint)

    async def keep(self, name: RequestName, fingerprint: bytes, response: web.Response, *, is_secret: bool) -> None:
        """Write down what was answered. Where that fails the answer is given all the same: it is true."""
        headers = [(key, value) for key, value in response.headers.items() if key.lower() not in _NOT_KEPT]
        body = response.body if isinstance(response.body, bytes) else b""
        is_left_out = is_secret or len(body) > ANSWER_BYTES_MAX
        said = msgpack.packb([response.status, headers, None if is_left_out else body])
        nonce = self._context.random_bytes(_NONCE_BYTES)
        sealed = nonce + ChaCha20Poly1305(name.seal).encrypt(nonce, said, name.row)
        if not await self._write(name, fingerprint, sealed):
            logger.warning("API: an answer could not be kept: the disk is full or does not answer")

    async def forget(self, name: RequestName) -> None:
        """Strike out what was begun and came to nothing."""
        await self._write(name, None, b"")

    async def _write(self, name: RequestName, fingerprint: bytes | None, sealed: bytes) -> bool:
        """Make a row durable, or without a fingerprint strike it out; tell whether that was done."""
        await self._load()
        now_ms = self._context.clock.now().wall_ms
        value = None if fingerprint is None else bytes(msgpack.packb([now_ms, fingerprint, sealed]))
        gone = self._index.put(name.row, now_ms, len(value or b""), self._oldest_ms())
        row = PrivateRow(SPACE, name.row, value, None if value is None else now_ms + KEPT_MS)
        return await self._commit([row, *(PrivateRow(SPACE, key, None) for key in gone)])

    async def _commit(self, rows: Sequence[PrivateRow]) -> bool:
        if self._context.engine.stuck is not None:
            return False
        try:
            async with asyncio.timeout(WRITE_S_MAX):
                await self._context.keep_private(rows)
        except TimeoutError:
            return False
        return True

    async def _load(self) -> None:
        """Learn, once, what earlier runs have left."""
        async with self._loading:
            if self._is_loaded:
                return
            rows = await self._context.store.private_list(SPACE)
            for at_ms, key, size in sorted((_at_ms(value), key, len(value)) for key, value in rows):
                self._index.put(key, at_ms, size, 0)
            self._is_loaded = True

    def _oldest_ms(self) -> int:
        """Return when what is still kept was written at the earliest; nothing expires while nobody knows the time."""
        now = self._context.clock.now()
        return now.wall_ms - KEPT_MS if now.trusted else 0


def _at_ms(value: bytes) -> int:
    return int(msgpack.unpackb(value)[0])


def _read(value: bytes, name: RequestName) -> Kept:
    at_ms, fingerprint, sealed = msgpack.unpackb(value)
    if not sealed:
        return Kept(fingerprint, at_ms, None)
    nonce, said = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    status, headers, body = msgpack.unpackb(ChaCha20Poly1305(name.seal).decrypt(nonce, said, name.row))
    return Kept(fingerprint, at_ms, Said(status, [(key, text) for key, text in headers], body))
