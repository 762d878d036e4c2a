"""The doors of the node API, and what tells them apart: whom they trust, and by which names they are called.

In: nothing, or who knows the names. Out: a `Door` for `make_app`. Who calls: the daemon, `server` and tests.
"""

import asyncio
import functools
import os
import re
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

# Names that only this machine answers to: a page of another site that points its own name here is turned away (DNS
# rebinding). Ports are not compared, so that a tunnel (`ssh -L 9000:127.0.0.1:4278`) works.
HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
ROOT = 0
_HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[^:\[\]/@\s]+)(:\d{1,5})?")
_CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid (unix(7))


def is_this_machine(host: str, names: frozenset[str] = HOSTS) -> bool:
    """Tell whether what stands in `Host`, in lower case, is one of these names, with any port."""
    found = _HOST.fullmatch(host)
    return found is not None and found["name"].strip("[]") in names


def _nobody_waits(_transport: asyncio.BaseTransport) -> None:
    """Take the news of a first head where no gate waits for it."""


@dataclass(slots=True, eq=False)
class Door:
    """One way in.

    Attributes:
        name: what logs call it.
        knows_host: whether what a request gives in `Host`, in lower case, names this hub.
        call_it: how to call this hub here, for whoever does otherwise.
        scheme: of this door's own origin.
        user_ids: on a Unix socket, whose processes are let in, with every scope; None where tokens decide.
        request_seen: told of each connection's first complete head; the gate's, once there is one.
    """

    name: str
    knows_host: Callable[[str], bool] = is_this_machine
    call_it: str = "127.0.0.1 or localhost"
    scheme: str = "http"
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
    knows_host = functools.partial(is_this_machine, names=HOSTS | {"hartig"})
    return Door("API socket", knows_host, user_ids=frozenset({ROOT, os.geteuid()}))


def organisers_door(knows_host: Callable[[str], bool]) -> Door:
    """Return the door on the LAN, beside the organisers' pages, for apps that hold a token."""
    return Door("organisers' API", knows_host, "by its address or its name on its own network", "https")


def peer_user_id(transport: asyncio.BaseTransport | None) -> int | None:
    """Return who is at the other end of a Unix socket, or None where that cannot be known."""
    connection = None if transport is None else transport.get_extra_info("socket")
    if connection is None or connection.family != socket.AF_UNIX:
        return None
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _process, user_id, _group = _CREDENTIALS.unpack(credentials)
    return int(user_id)
