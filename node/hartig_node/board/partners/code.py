"""The code that organisers of two networks hand each other: which network it is, and who speaks for it, and where.

`hartig-partner:` and base64url (RFC 4648, without padding) of a strict msgpack array and the first bytes of its hash,
so that a letter lost on the way is noticed (SPEC X9). Nothing in it is secret, and nothing is believed of it: who
answers there has to prove that it speaks for the network. In: nodes and addresses. Out: text, and back. Who calls:
`partners`.
"""

import base64
import binascii
from typing import Any

from hartig_node.board.drafts.drafts import clean_text
from hartig_node.board.errors import BoardError
from hartig_protocol.encoding import decode, encode
from hartig_protocol.errors import EncodingError, RecordError
from hartig_protocol.limits import ADDRESS_BYTES_MAX, KEY_BYTES, NAME_BYTES_MAX, NETWORK_ID_BYTES
from hartig_protocol.records.fields import bytes_of, listed, need, text
from hartig_protocol.records.keys import PREFIX_PARTNER_CODE, is_strict_key, sha256
from hartig_protocol.values import value

CODE_START = "hartig-partner:"
CODE_VERSION = 1
SPEAKERS_MAX = 4  # hubs of one code: two are enough, and a picture of four can be scanned
ADDRESSES_MAX = 4  # of one hub
CODE_BYTES_MAX = 2_048  # four hubs with four addresses of 80 bytes are about 1,800
CHECK_BYTES = 4
_HINT = f"copy all of it, from '{CODE_START}' on"


@value
class Speaker:
    """A hub that speaks for its network with others: its node id, and where it can be reached."""

    node: bytes
    addresses: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The hub as the node API gives it."""
        return {"node": self.node.hex(), "addresses": list(self.addresses)}


@value
class PartnerCode:
    """What another network's organisers need to propose an agreement."""

    network: bytes
    name: str
    speakers: tuple[Speaker, ...] = ()

    @property
    def text(self) -> str:
        """The code as it is handed over."""
        speakers = [[one.node, list(one.addresses)] for one in self.speakers]
        data = encode([CODE_VERSION, self.network, self.name, speakers])
        return CODE_START + base64.urlsafe_b64encode(data + _check(data)).rstrip(b"=").decode()


def read_code(code: str) -> PartnerCode:
    """Read a code, forgiving white space around and inside it; raises `BoardError` that says what is wrong."""
    compact = "".join(code.split())
    if not compact.startswith(CODE_START):
        hint = "`hartig partner code` on a hub of the other network prints it"
        raise _wrong(f"this is no code of a network: it begins with '{CODE_START}'", hint)
    if len(compact) > 2 * CODE_BYTES_MAX:
        raise _wrong("this is too long for the code of a network")
    encoded = compact[len(CODE_START) :]
    try:
        data = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise _wrong("this code is not whole") from error
    said, check = data[:-CHECK_BYTES], data[-CHECK_BYTES:]
    if check != _check(said):
        raise _wrong("a letter of this code is missing or wrong")
    try:
        return _read_fields(decode(said, CODE_BYTES_MAX))
    except (EncodingError, RecordError) as error:
        raise _wrong(f"this code cannot be read: {error}") from error


def _read_fields(fields: object) -> PartnerCode:
    need(isinstance(fields, list) and len(fields) >= 1, "code", "must be a list")
    assert isinstance(fields, list)
    if fields[0] != CODE_VERSION:
        raise _wrong("this code was made by a newer version", "upgrade this hub first")
    need(len(fields) == 4, "code", "has four fields")
    _, network, name, speakers = fields
    bytes_of("code.network", network, NETWORK_ID_BYTES)
    text("code.name", name, NAME_BYTES_MAX, 0)
    listed("code.hubs", speakers, SPEAKERS_MAX)
    return PartnerCode(network, clean_text(name), tuple(_read_speaker(one) for one in speakers))


def _read_speaker(fields: object) -> Speaker:
    need(isinstance(fields, list) and len(fields) == 2, "code.hubs", "must be pairs")
    assert isinstance(fields, list)
    node, addresses = fields
    bytes_of("code.hubs.node", node, KEY_BYTES)
    need(is_strict_key(node), "code.hubs.node", "is no key")
    listed("code.hubs.addresses", addresses, ADDRESSES_MAX)
    for address in addresses:
        text("code.hubs.address", address, ADDRESS_BYTES_MAX)
    return Speaker(node, tuple(addresses))


def _check(data: bytes) -> bytes:
    return sha256(PREFIX_PARTNER_CODE, data)[:CHECK_BYTES]


def _wrong(detail: str, hint: str = _HINT) -> BoardError:
    return BoardError("bad_request", detail, hint, "/code")
