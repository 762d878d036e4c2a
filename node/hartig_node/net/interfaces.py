"""Which of this machine's addresses discovery can speak on, now.

Comes in: the system's interfaces. Goes out: `Local` addresses, in order. Who calls: `discovery.py`, every few
seconds.
"""

import ipaddress
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hartig_protocol.values import value

LOCALS_MAX = 16  # machines with containers have dozens of interfaces; each instance costs three sockets

# Of linux/if.h; net(7). Loopback lacks the multicast flag and does multicast all the same.
_UP = 0x1
_LOOPBACK = 0x8
_MULTICAST = 0x1000

MDNS_GROUP_4 = "224.0.0.251"  # RFC 6762, section 3
MDNS_GROUP_6 = "ff02::fb"


@dataclass(frozen=True, slots=True, order=True)
class Local:
    """One address of this machine; `index` and `interface` say where it is."""

    index: int
    address: str
    interface: str

    @property
    def is_ipv6(self) -> bool:
        """Whether the address is of IPv6; then it is link-local."""
        return ":" in self.address

    @property
    def is_loopback(self) -> bool:
        """Whether the address is for programs on this machine alone."""
        return ipaddress.ip_address(self.address).is_loopback


@value
class Interface:
    """What the system says of one interface."""

    index: int
    name: str
    flags: int
    addresses: tuple[str, ...]
    carrier: bool = True  # False when the cable is out: plugged in again, it may be another network


def usable(interfaces: Iterable[Interface], only: frozenset[str] | None) -> list[Local]:
    """Return the addresses to speak on: all IPv4 ones and one link-local IPv6 one per interface.

    Args:
        interfaces: all that the system has.
        only: nothing but these addresses (loopback too, if named); None for all but loopback.
    """
    found = [local for one in interfaces for local in _of(one, only)]
    found.sort(key=lambda one: (one.is_ipv6, one))
    return found[:LOCALS_MAX]


def read_interfaces() -> list[Interface]:
    """Ask the system for its interfaces and their addresses."""
    import ifaddr

    found = []
    for adapter in ifaddr.get_adapters():
        index = adapter.index or 0
        addresses = tuple(ip.ip[0] if isinstance(ip.ip, tuple) else ip.ip for ip in adapter.ips)
        found.append(Interface(index, adapter.name, _flags(adapter.name), addresses, _carrier(adapter.name)))
    return found


def require_multicast(local: Local) -> None:
    """Raise `OSError` where this address cannot take part in mDNS now.

    zeroconf logs such failures and goes on with an instance that is deaf; asked first, we can try again
    later.
    """
    family = socket.AF_INET6 if local.is_ipv6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        if local.is_ipv6:
            group = socket.inet_pton(family, MDNS_GROUP_6) + struct.pack("@I", local.index)
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
            probe.bind((local.address, 0, 0, local.index))
        else:
            group = socket.inet_aton(MDNS_GROUP_4) + socket.inet_aton(local.address)
            probe.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
            probe.bind((local.address, 0))


def _of(interface: Interface, only: frozenset[str] | None) -> list[Local]:
    if only is not None:
        named = [one for one in interface.addresses if one in only]
        return [Local(interface.index, one, interface.name) for one in named]
    if interface.flags & _LOOPBACK or not interface.flags & _UP or not interface.flags & _MULTICAST:
        return []
    if not interface.carrier:
        return []
    ipv4 = [one for one in interface.addresses if ":" not in one]
    link_local = sorted(one for one in interface.addresses if _is_link_local_6(one))[:1]
    return [Local(interface.index, one, interface.name) for one in ipv4 + link_local]


def _is_link_local_6(address: str) -> bool:
    return ":" in address and ipaddress.ip_address(address).is_link_local


def _flags(name: str) -> int:
    try:
        return int(Path("/sys/class/net", name, "flags").read_text(encoding="ascii"), 16)
    except (OSError, ValueError):
        return _LOOPBACK | _UP if name == "lo" else _UP | _MULTICAST


def _carrier(name: str) -> bool:
    try:
        state = Path("/sys/class/net", name, "operstate").read_text(encoding="ascii").strip()
    except OSError:
        return True
    return state not in {"down", "lowerlayerdown", "notpresent", "dormant"}  # RFC 2863, ifOperStatus
