"""What a hub says of itself over mDNS, and how it is read: names and TXT, pure functions.

TXT holds `v` (version), `n` (node id) and `t` (network tag), both in hexadecimal, and nothing else: no name,
no number of people, nothing that says what the machine is for. Who calls: `discovery.py`. All of it is a
hint: a dial proves the node id, the hello proves the network.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping

from hartig_node.net.certificates import NODE_ID_BYTES
from hartig_protocol.errors import RemoteError
from hartig_protocol.values import value

SERVICE_TYPE = "_hartig._tcp.local."
TXT_VERSION = 1
NETWORK_TAG_BYTES = 8
ADDRESSES_MAX = 8  # of one node; as many as the address book holds

_INSTANCE = re.compile(r"[0-9a-f]{16}\._hartig\._tcp\.local\.")


class AnnouncementError(RemoteError):
    """An announcement that is not ours or not whole; it is passed over."""


@value
class Found:
    """A node is announced on this network, or its addresses changed. Only a hint."""

    node_id: bytes
    network_tag: bytes
    addresses: tuple[tuple[str, int], ...]


@value
class Lost:
    """A node is no longer announced: it said farewell, or its announcement ran out."""

    node_id: bytes


@value
class Announcement:
    """One instance as read: a node announces one for each of its addresses."""

    node_id: bytes
    network_tag: bytes
    addresses: tuple[tuple[str, int], ...]


def instance_name(node_id: bytes, address: str) -> str:
    """Return the name of one instance: the same at every start, and nothing that a person could read.

    Each address has a name of its own, or a node with two of them on one network would contradict itself.
    """
    digest = hashlib.sha256(b"hartig mdns instance 1" + node_id + address.encode())
    return f"{digest.hexdigest()[:16]}.{SERVICE_TYPE}"


def host_name(instance: str) -> str:
    """Return the host name that goes with an instance."""
    return instance.removesuffix(f".{SERVICE_TYPE}") + ".local."


def is_instance_name(name: str) -> bool:
    """Return whether a name could be one of ours; anything else is not even looked at."""
    return _INSTANCE.fullmatch(name.lower()) is not None


def txt_of(node_id: bytes, network_tag: bytes) -> dict[str, str]:
    """Return the TXT entries of a node."""
    return {"v": str(TXT_VERSION), "n": node_id.hex(), "t": network_tag.hex()}


def read_txt(properties: Mapping[bytes, bytes | None]) -> tuple[bytes, bytes]:
    """Return (node id, network tag); raises `AnnouncementError`. Entries that we do not know are passed over."""
    version = properties.get(b"v")
    if version != str(TXT_VERSION).encode():
        raise AnnouncementError("announcement.version", f"version {version!r}, not {TXT_VERSION}")
    return _hexadecimal(properties, b"n", NODE_ID_BYTES), _hexadecimal(properties, b"t", NETWORK_TAG_BYTES)


def merge(instances: Iterable[Announcement]) -> Found | None:
    """Return what the instances of one node say together, the latest (the last) first; None of none."""
    latest_first = list(instances)[::-1]
    if not latest_first:
        return None
    addresses = dict.fromkeys(address for one in latest_first for address in one.addresses)
    newest = latest_first[0]
    return Found(newest.node_id, newest.network_tag, tuple(addresses)[:ADDRESSES_MAX])


def _hexadecimal(properties: Mapping[bytes, bytes | None], key: bytes, count: int) -> bytes:
    text = properties.get(key)
    if text is None or not re.fullmatch(rb"[0-9a-f]{%d}" % (2 * count), text):
        message = f"{key.decode()} must be {2 * count} hexadecimal digits"
        raise AnnouncementError("announcement.txt", message)
    return bytes.fromhex(text.decode())
