"""Private rows at rest: sealed, where the keys of the hub are (design, P15).

In: a 32-byte key, from a file that is sealed under the hub's passphrase. Out: values that only it opens, each bound to
its place (ChaCha20-Poly1305, RFC 8439; 96 random bits are enough for 2^32 rows). A sealed value says so itself, so a
file may hold both kinds: one that was written before there was a passphrase is sealed at the next opening. Keys of
rows stay as they are: they are hashes and ids of posts, hubs and people's keys.

What a folder is started or made anew from is not sealed: the hub's key (which is, by its file), settings, and where
other hubs were reached. An empty value hides nothing. Who calls: `sqlite`, `opening`.
"""

import os
import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from hartig_protocol.events import PrivateRow

NONCE_BYTES = 12
# No text and no msgpack begins with 0xC1, and of what is neither, ids and keys, one in 2^64 with all of this.
MARK = b"\xc1hartig1"
PLAIN_SPACES = frozenset({"key", "setting", "address"})


class RowSeal:
    """Seals and opens values; `None` for one that another key has sealed."""

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305  # late: most hubs have no passphrase

        self._cipher = ChaCha20Poly1305(key)

    def __repr__(self) -> str:
        return "<RowSeal>"

    def seal(self, space: str, key: bytes, value: bytes) -> bytes:
        """Return a value as it is written."""
        if not value or space in PLAIN_SPACES:
            return value
        nonce = os.urandom(NONCE_BYTES)
        return MARK + nonce + self._cipher.encrypt(nonce, value, _place(space, key))

    def open(self, space: str, key: bytes, sealed: bytes) -> bytes | None:
        """Return a value as it was meant."""
        from cryptography.exceptions import InvalidTag

        nonce, rest = sealed[len(MARK) :][:NONCE_BYTES], sealed[len(MARK) + NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, rest, _place(space, key))
        except (InvalidTag, ValueError):
            return None

    def sealed_rows(self, rows: Sequence[PrivateRow]) -> list[PrivateRow]:
        """Return rows as they are written."""
        return [
            row if row.value is None else replace(row, value=self.seal(row.space, row.key, row.value)) for row in rows
        ]

    def seal_all(self, connection: sqlite3.Connection) -> None:
        """Seal what was written before, inside a transaction; what is overwritten is nowhere in the file then."""
        rows = connection.execute(
            "SELECT rowid, space, key, value FROM private WHERE value <> x'' AND substr(value, 1, ?) <> ?",
            (len(MARK), MARK),
        ).fetchall()
        connection.executemany(
            "UPDATE private SET value = ? WHERE rowid = ?",
            [(self.seal(space, key, value), row) for row, space, key, value in rows if space not in PLAIN_SPACES],
        )


def opened(seal: RowSeal | None, space: str, key: bytes, value: bytes) -> bytes | None:
    """Return a value as it was meant; None where it is sealed and its key is not here."""
    if not value.startswith(MARK):
        return value
    return None if seal is None else seal.open(space, key, value)


def _place(space: str, key: bytes) -> bytes:
    return b"hartig/1 private row\0" + space.encode() + b"\0" + key
