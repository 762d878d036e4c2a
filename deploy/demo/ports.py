"""Ports for the pages and the API of each hub: easy to remember where they are free, else any.

The check and the hub's own opening of the port are two moments; so that two demos never check at the same time, the
first holds a name in the abstract Unix namespace, which is as wide as the ports are (one network namespace), and which
the kernel takes back from the dead (unix(7)). Who calls: `__main__`.
"""

import socket
from typing import NamedTuple

HOST = "127.0.0.1"
SITE_PORT_FIRST = 8081  # 8080 and 4278 belong to a real hub on this machine
API_PORT_FIRST = 4281  # and 4279, 4280 to its other doors
ANY = 0
_NAME = "\0hartig-try-ports"


class Ports(NamedTuple):
    """The ports that one hub is to take; 0 is any."""

    api: int
    site: int


def reserve() -> socket.socket | None:
    """Return the right to the ports with names, held until closed; None where another demo has it."""
    holder = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        holder.bind(_NAME)
    except OSError:
        holder.close()
        return None
    return holder


def choose(number: int, *, may_use_fixed: bool) -> Ports:
    """Return the ports of hub 0, 1 or 2."""
    if not may_use_fixed:
        return Ports(ANY, ANY)
    api, site = API_PORT_FIRST + number, SITE_PORT_FIRST + number
    return Ports(api if is_free(api) else ANY, site if is_free(site) else ANY)


def is_free(port: int) -> bool:
    """Tell whether nobody listens on a port of loopback now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
