"""The two doors of the node API, and what tells them apart: whom they trust, and by which names they are called.

In: nothing. Out: a `Door` for `make_app`. Who calls: the daemon, `server` and tests.
"""

import asyncio
import os
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

# Names that only this machine answers to: a page of another site that points its own name here is turned away (DNS
# rebinding). Ports are not compared, so that a tunnel (`ssh -L 9000:127.0.0.1:4278`) works.
HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
ROOT = 0
_CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid (unix(7))


def _nobody_waits(_transport: asyncio.BaseTransport) -> None:
    """Take the news of a first head where no gate waits for it."""


@dataclass(slots=True, eq=False)
class Door:
    """One way in.

    Attributes:
        name: what logs call it.
        hosts: names that a request may give in `Host`.
        user_ids: on a Unix socket, whose processes are let in, with every scope; None where tokens decide.
        request_seen: told of each connection's first complete head; the gate's, once there is one.
    """

    name: str
    hosts: frozenset[str] = HOSTS
    user_ids: frozenset[int] | None = None
    request_seen: Callable[[asyncio.BaseTransport], None] = field(default=_nobody_waits)

    @property
    def asks_for_tokens(self) -> bool:
        """Whether a request needs a token here."""
        return self.user_ids is None


DOOR = web.AppKey("door", Door)


def loopback_door() -> Door:
    """Return the door on 127.0.0.1, for programs on the hub that hold a token."""
    return Door("API")


def unix_door() -> Door:
    """Return the door on the Unix socket, for root and the user that the node runs as."""
    return Door("API socket", HOSTS | {"hartig"}, frozenset({ROOT, os.geteuid()}))


def peer_user_id(transport: asyncio.BaseTransport | None) -> int | None:
    """Return who is at the other end of a Unix socket, or None where that cannot be known."""
    connection = None if transport is None else transport.get_extra_info("socket")
    if connection is None or connection.family != socket.AF_UNIX:
        return None
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _process, user_id, _group = _CREDENTIALS.unpack(credentials)
    return int(user_id)
