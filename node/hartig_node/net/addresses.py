"""Addresses as people type them and as peers announce them: parsing, writing, and whom we may dial where.

Comes in: text. Goes out: `TypedAddress`, or `AddressError` that says what is wrong and how it should look.
Who calls: config and command line (typed addresses), `discovery.py` (announced ones), `address_book.py`.

No name is looked up here and nothing is dialled; all functions are pure.
"""

import ipaddress
import re
from enum import Enum

from hartig_protocol.errors import RemoteError
from hartig_protocol.values import value

PORT_DEFAULT = 4279  # the peers' door
HOST_CHARACTERS_MAX = 253  # RFC 1035, 2.3.4, without the dot at the end
TEXT_CHARACTERS_MAX = 512  # node id, host, scope, port and brackets fit well

NODE_ID_HEX = re.compile(r"[0-9a-fA-F]{64}")
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_SCOPE = re.compile(r"[A-Za-z0-9_.-]{1,15}")  # IFNAMSIZ of Linux, or the number of an interface
_PORT = re.compile(r"[0-9]{1,5}")
_DOTTED = re.compile(r"[0-9.]+")

EXAMPLES = "write it as 192.168.1.20, hub.example:4279 or [fe80::1%eth0]:4279"


class AddressError(RemoteError):
    """A text is no address that we can dial."""


class AddressKind(Enum):
    """What an IP address is good for."""

    LOOPBACK = "loopback"
    LINK_LOCAL = "link-local"
    PRIVATE = "private"
    PUBLIC = "public"
    NOBODY = "nobody"  # unspecified, multicast, broadcast, reserved: no single host to dial


@value
class TypedAddress:
    """A host (name or IP address, perhaps with a scope), a port, and a node id if one was typed."""

    host: str
    port: int
    node_id: bytes | None = None

    def __str__(self) -> str:
        return format_address(self.host, self.port)


def parse_address(text: str, port_default: int = PORT_DEFAULT) -> TypedAddress:
    """Return what `host`, `host:port`, `[v6]:port` or `node_id@...` means; raises `AddressError`.

    Without a node id the caller must know it from elsewhere (an invite) or find it by `dialing.probe`: every
    dial expects one certain node.
    """
    text = text.strip()
    if len(text) > TEXT_CHARACTERS_MAX:
        raise AddressError("address.too_long", f"an address of {len(text)} characters; {EXAMPLES}")
    before, at, rest = text.rpartition("@")
    node_id = _parse_node_id(before) if at else None
    host, port_text = _split_port(rest, text)
    port = port_default if port_text is None else _parse_port(port_text, text)
    return TypedAddress(_checked_host(host, text), port, node_id)


def format_address(host: str, port: int) -> str:
    """Return the text that `parse_address` reads back to the same host and port."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def kind_of(address: str) -> AddressKind:
    """Return what kind of IP address this is; raises `ValueError` when it is none."""
    ip = ipaddress.ip_address(address)
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    ip = mapped or ip
    if ip.is_unspecified or ip.is_multicast or (ip.version == 4 and ip.is_reserved):
        return AddressKind.NOBODY  # 255.255.255.255 is reserved too
    if ip.is_loopback:
        return AddressKind.LOOPBACK
    if ip.is_link_local:
        return AddressKind.LINK_LOCAL
    return AddressKind.PRIVATE if ip.is_private else AddressKind.PUBLIC


def may_dial_announced(address: str, *, heard_on_loopback: bool) -> bool:
    """Return whether an address from an announcement, which anybody on the link may send, may be dialled.

    Only neighbours' addresses: else one packet could have every hub knock at a host of the sender's choice on
    the internet, or at its own loopback services. Loopback counts where the announcement was heard on
    loopback.
    """
    try:
        kind = kind_of(address)
    except ValueError:
        return False
    if heard_on_loopback:
        return kind is AddressKind.LOOPBACK
    if kind is AddressKind.LINK_LOCAL and ":" in address:
        return "%" in address  # without the interface a link-local address leads nowhere
    return kind in {AddressKind.LINK_LOCAL, AddressKind.PRIVATE}


def _parse_node_id(text: str) -> bytes:
    if not NODE_ID_HEX.fullmatch(text):
        message = f"before @ stands a node id of 64 hexadecimal digits, not {text[:80]!r}"
        raise AddressError("address.node_id", message)
    return bytes.fromhex(text)


def _split_port(rest: str, text: str) -> tuple[str, str | None]:
    if rest.startswith("["):
        host, bracket, after = rest[1:].partition("]")
        if not bracket or (after and not after.startswith(":")) or ":" not in host:
            raise AddressError("address.brackets", f"{text!r}: brackets hold an IPv6 address; {EXAMPLES}")
        return host, after[1:] if after else None
    if rest.count(":") > 1:  # a bare IPv6 address; with a port it needs brackets
        return rest, None
    host, colon, port_text = rest.partition(":")
    return host, port_text if colon else None


def _parse_port(port_text: str, text: str) -> int:
    port = int(port_text) if _PORT.fullmatch(port_text) else 0
    if not 1 <= port <= 65535:
        raise AddressError("address.port", f"{text!r}: a port is a number from 1 to 65535; {EXAMPLES}")
    return port


def _checked_host(host: str, text: str) -> str:
    if ":" in host or _DOTTED.fullmatch(host):
        return _checked_ip(host, text)
    name = host.removesuffix(".")
    if not name:
        raise AddressError("address.empty", f"no host in {text!r}; {EXAMPLES}")
    if len(name) > HOST_CHARACTERS_MAX or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise AddressError("address.name", f"{text!r}: no host name; {EXAMPLES}")
    return name.lower()


def _checked_ip(host: str, text: str) -> str:
    bare, percent, scope = host.partition("%")
    try:
        ip = ipaddress.ip_address(bare)
    except ValueError as error:
        raise AddressError("address.ip", f"{text!r}: no IP address; {EXAMPLES}") from error
    if percent and not (ip.version == 6 and ip.is_link_local and _SCOPE.fullmatch(scope)):
        message = f"{text!r}: an interface after % belongs to a link-local IPv6 address; {EXAMPLES}"
        raise AddressError("address.scope", message)
    if ip.version == 6 and ip.is_link_local and not percent:
        message = f"{text!r}: a link-local address needs its interface, as in [fe80::1%eth0]:4279"
        raise AddressError("address.scope", message)
    if kind_of(bare) is AddressKind.NOBODY:
        raise AddressError("address.nobody", f"{text!r}: no single hub has this address")
    return f"{ip}%{scope}" if percent else str(ip)
