"""From a host as typed to addresses to connect to, without letting a slow name server hold anybody else up.

Comes in: an IP address, one with a scope (`fe80::1%eth0`), or a name. Goes out: endpoints. Who calls:
`dialing.py`.

Addresses are parsed here and never meet the resolver. Names go to the system's resolver in threads of our
own: the event loop's shared threads would let six dead name servers stop every file operation of the daemon.
"""

import asyncio
import ipaddress
import socket
import threading
from typing import Any, cast

from hartig_protocol.errors import RemoteError
from hartig_protocol.values import value

LOOKUPS_MAX = 4  # threads that may wait for a name server at once; each gives up by itself after some 10 to 30 s
ENDPOINTS_MAX = 4  # of one name: more would leave too little of the dial's time to each


class NameLookupError(RemoteError):
    """A host could not be turned into an address."""


@value
class Endpoint:
    """Where to connect: an address family and an address in its form."""

    family: socket.AddressFamily
    address: tuple[str, int] | tuple[str, int, int, int]


_lookups_free = threading.BoundedSemaphore(LOOKUPS_MAX)


async def resolve(host: str, port: int) -> list[Endpoint]:
    """Return where `host` is, at most four endpoints; raises `NameLookupError` when it is nowhere."""
    literal = _literal(host, port)
    if literal is not None:
        return [literal]
    if not _lookups_free.acquire(blocking=False):
        raise NameLookupError("dial.name_busy", f"cannot look up {host!r}: the name server leaves others waiting")
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[Endpoint]] = loop.create_future()
    # A daemon thread: a name server that does not answer must not keep the process from ending.
    lookup = threading.Thread(target=_look_up, args=(host, port, loop, answer), name="name lookup", daemon=True)
    lookup.start()
    return await answer


def _literal(host: str, port: int) -> Endpoint | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return Endpoint(socket.AF_INET, (str(address), port))
    scope = 0
    if address.scope_id is not None:
        try:
            scope = int(address.scope_id) if address.scope_id.isdecimal() else socket.if_nametoindex(address.scope_id)
        except OSError as error:
            message = f"{host}: this machine has no interface {address.scope_id!r}"
            raise NameLookupError("dial.no_interface", message) from error
    bare = str(ipaddress.IPv6Address(int(address)))
    return Endpoint(socket.AF_INET6, (bare, port, 0, scope))


def _look_up(host: str, port: int, loop: asyncio.AbstractEventLoop, answer: "asyncio.Future[list[Endpoint]]") -> None:
    try:
        outcome: list[Endpoint] | NameLookupError = _ask_system(host, port)
    finally:
        _lookups_free.release()
    try:
        loop.call_soon_threadsafe(_settle, answer, outcome)
    except RuntimeError:  # the loop is closed: nobody waits any more
        return


def _ask_system(host: str, port: int) -> list[Endpoint] | NameLookupError:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return NameLookupError("dial.name", f"no address found for {host!r}: {error}")
    internet = {socket.AF_INET, socket.AF_INET6}
    endpoints = [Endpoint(family, cast("Any", address)) for family, _, _, _, address in found if family in internet]
    return endpoints[:ENDPOINTS_MAX]


def _settle(answer: "asyncio.Future[list[Endpoint]]", outcome: list[Endpoint] | NameLookupError) -> None:
    if answer.done():  # the dial ran out of time
        return
    if isinstance(outcome, NameLookupError):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)
