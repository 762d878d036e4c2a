"""The invite: what a newcomer is handed, as a link (SPEC, part I).

`hartig:` and base64url (RFC 4648, without padding) of a strict msgpack array. It carries a secret: whoever holds the
link can use it, until it expires or is used up.
"""

import base64
import binascii

from hartig_protocol.encoding import decode, encode
from hartig_protocol.errors import EncodingError, InviteError, RecordError
from hartig_protocol.limits import (
    ADDRESS_BYTES_MAX,
    INTEGER_MAX,
    INVITE_ADDRESSES_MAX,
    INVITE_BYTES_MAX,
    INVITE_USES_MAX,
    KEY_BYTES,
    NETWORK_ID_BYTES,
    SECRET_BYTES,
)
from hartig_protocol.records.fields import bytes_of, integer, listed, need, text
from hartig_protocol.records.keys import PREFIX_INVITE_SECRET, sha256
from hartig_protocol.values import value

LINK_START = "hartig:"
INVITE_VERSION = 1


@value
class Invite:
    """Where to ask, and with what secret. `expires` in ms; `addresses` may be empty: the local network is searched."""

    network: bytes
    inviter_node: bytes
    secret: bytes
    expires: int
    uses: int
    addresses: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Invite to {self.network.hex()[:8]} by node {self.inviter_node.hex()[:8]}>"

    @property
    def link(self) -> str:
        """The invite as text."""
        fields = [
            INVITE_VERSION,
            self.network,
            self.inviter_node,
            self.secret,
            self.expires,
            self.uses,
            list(self.addresses),
        ]
        return LINK_START + base64.urlsafe_b64encode(encode(fields)).rstrip(b"=").decode()


def read_invite(link: str) -> Invite:
    """Read an invite link, forgiving white space around and inside it (it is copied by hand and by mail).

    Raises `InviteError` that says what is wrong.
    """
    compact = "".join(link.split())
    if not compact.startswith(LINK_START):
        raise InviteError("not_an_invite", f"this is no invite: it begins with {LINK_START!r}")
    if len(compact) > 2 * INVITE_BYTES_MAX:
        raise InviteError("too_large", "this is too long for an invite")
    encoded = compact[len(LINK_START) :]
    try:
        data = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
        fields = decode(data, INVITE_BYTES_MAX)
        return _read_fields(fields)
    except (binascii.Error, ValueError, EncodingError) as error:
        raise InviteError("damaged_invite", "this invite is not whole: copy all of it, from 'hartig:' on") from error
    except RecordError as error:
        raise InviteError("damaged_invite", f"this invite cannot be read: {error}") from error


def _read_fields(fields: object) -> Invite:
    need(isinstance(fields, list) and len(fields) >= 1, "invite", "must be a list")
    assert isinstance(fields, list)
    if fields[0] != INVITE_VERSION:
        raise InviteError("version", "this invite was made by a newer version: upgrade this hub first")
    need(len(fields) == 7, "invite", "has seven fields")
    _, network, node, secret, expires, uses, addresses = fields
    bytes_of("invite.network", network, NETWORK_ID_BYTES)
    bytes_of("invite.node", node, KEY_BYTES)
    bytes_of("invite.secret", secret, SECRET_BYTES)
    integer("invite.expires", expires, 0, INTEGER_MAX)
    integer("invite.uses", uses, 1, INVITE_USES_MAX)
    listed("invite.addresses", addresses, INVITE_ADDRESSES_MAX)
    for index, address in enumerate(addresses):
        text(f"invite.addresses[{index}]", address, ADDRESS_BYTES_MAX)
    return Invite(network, node, secret, expires, uses, tuple(addresses))


def secret_hash(secret: bytes) -> bytes:
    """Return the hash under which an inviting hub keeps a secret."""
    return sha256(PREFIX_INVITE_SECRET, secret)
