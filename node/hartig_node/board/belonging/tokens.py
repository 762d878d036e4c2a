"""Tokens for programs on the hub: named, scoped, expiring, shown once, kept as a hash."""

import base64
import re
from collections.abc import Sequence

import msgpack

from hartig_node.board.context import Context
from hartig_node.board.errors import BoardError
from hartig_protocol.events import PrivateRow
from hartig_protocol.limits import DAY_MS
from hartig_protocol.records.keys import sha256
from hartig_protocol.values import value

SPACE_TOKEN = "token"  # noqa: S105 - the name of a table's space
SCOPES = ("read", "write", "admin")
TOKENS_MAX = 256
NAME_CHARACTERS_MAX = 80
_PREFIX = b"hartig/1 token\x00"
_START = "hartig_"
_SECRET_BYTES = 32
DAYS_MAX = 3660.0


@value
class TokenView:
    """A token without its secret. Times in ms; `expires_ms` None for never."""

    id: str
    name: str
    scopes: tuple[str, ...]
    created_ms: int
    expires_ms: int | None

    def allows(self, scope: str) -> bool:
        """Whether it may do this: admin includes write, write includes read."""
        return max(SCOPES.index(own) for own in self.scopes) >= SCOPES.index(scope)


class Tokens:
    """The use cases of tokens."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def add(self, name: str, scopes: Sequence[str], days: float | None) -> tuple[TokenView, str]:
        """Make a token; its secret is returned here and never again."""
        name = name.strip()
        if not 1 <= len(name) <= NAME_CHARACTERS_MAX or re.search(r"[\x00-\x1f\x7f]", name):
            raise BoardError("bad_request", "a token needs a name of 1 to 80 characters", "say what it is for", "/name")
        if not scopes or any(scope not in SCOPES for scope in scopes):
            raise BoardError("bad_request", "scopes are read, write and admin", "name at least one", "/scopes")
        if days is not None and not 0 < days <= DAYS_MAX:
            raise BoardError("bad_request", "days is a number up to 3660", "", "/days")
        held = await self.list()
        if len(held) >= TOKENS_MAX:
            raise BoardError("too_many", f"there are {TOKENS_MAX} tokens already", "revoke those that nobody uses")
        now_ms = self._context.clock.now().wall_ms
        secret = _START + base64.urlsafe_b64encode(self._context.random_bytes(_SECRET_BYTES)).rstrip(b"=").decode()
        key = sha256(_PREFIX, secret.encode())
        expires_ms = None if days is None else now_ms + int(days * DAY_MS)
        view = TokenView(key[:8].hex(), name, tuple(sorted(set(scopes), key=SCOPES.index)), now_ms, expires_ms)
        value = msgpack.packb([view.name, list(view.scopes), view.created_ms, view.expires_ms])
        await self._context.keep_private([PrivateRow(SPACE_TOKEN, key, value, expires_ms)])
        return view, secret

    async def list(self) -> list[TokenView]:
        """Return all tokens that have not expired, oldest first."""
        rows = await self._context.store.private_list(SPACE_TOKEN)
        views = [_view(key, value) for key, value in rows]
        return sorted((view for view in views if not self._is_over(view)), key=lambda view: (view.created_ms, view.id))

    async def revoke(self, token_id: str) -> None:
        """Make a token worthless at once."""
        for key, _ in await self._context.store.private_list(SPACE_TOKEN):
            if key[:8].hex() == token_id:
                await self._context.keep_private([PrivateRow(SPACE_TOKEN, key, None)])
                return
        raise BoardError("not_found", f"there is no token {token_id[:40]!r}", "see 'hartig token list'")

    async def check(self, secret: str) -> TokenView | None:
        """Return what a secret may do, or None. It is looked up by its hash, so timing tells nothing of others."""
        key = sha256(_PREFIX, secret.encode())
        value = await self._context.store.private_get(SPACE_TOKEN, key)
        if value is None:
            return None
        view = _view(key, value)
        return None if self._is_over(view) else view

    def _is_over(self, view: TokenView) -> bool:
        now = self._context.clock.now()
        return view.expires_ms is not None and now.trusted and view.expires_ms <= now.wall_ms


def _view(key: bytes, value: bytes) -> TokenView:
    name, scopes, created_ms, expires_ms = msgpack.unpackb(value)
    return TokenView(key[:8].hex(), name, tuple(scopes), created_ms, expires_ms)
