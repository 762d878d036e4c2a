"""The recovery kit: one page to print on the first day, with which a hub's key can be replaced when it is lost.

It holds, in a QR code and as text, network and hub, where some hubs of the network are, the recovery key, sealed under
a passphrase, and the hub key's consent to it, by which it counts everywhere (SPEC A6). `kit.json` remembers for which
key one was made, so that nobody has to say so; `problems` reminds.

In: a hub's folder, a passphrase. Out: a page that needs no network, and a `Kit` read back from any of its forms.
Who calls: `recover`, which is the command; `recovering`, which uses a kit; the node, for its reminders.
"""

import contextlib
import html
import io
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import msgpack

from hartig_node.board.drafts.drafts import name_on_card
from hartig_node.daemon.config import read_config
from hartig_node.daemon.folder import FolderError, HubFolder, write_whole
from hartig_node.keyfile import SEALED_BYTES, KeyFileError, armour, open_bytes, unarmour
from hartig_node.net.address_book import KEY_GOOD, SPACE_ADDRESSES
from hartig_node.net.addresses import format_address
from hartig_node.store.connection import DATABASE_NAME, connect
from hartig_protocol.encoding import decode, encode
from hartig_protocol.errors import EncodingError, RecordError
from hartig_protocol.limits import ADDRESS_BYTES_MAX, KEY_BYTES, NAME_BYTES_MAX, NETWORK_ID_BYTES, SIGNATURE_BYTES
from hartig_protocol.records.fields import bytes_of, listed, need, text
from hartig_protocol.records.keys import SigningKey, recovery_consent, recovery_hash, verify
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind, Record

KIT_START = "hartig-kit:"
KIT_BYTES_MAX = 1024
KIT_FILE_BYTES_MAX = 256 * 1024  # the page, with its picture
HUBS_MAX = 3  # whose addresses a kit names; more make the picture hard to scan
_VERSION = 1
_KINDS = tuple(map(int, (Kind.CHARTER, Kind.GRANT, Kind.REVOKE, Kind.CARD)))
_TEXT_CHARACTERS_MAX = 4096  # of base32 in groups; a note under it may follow
_LINE = re.compile(rf"hart[i1]g-k[i1]t:(?=([a-z0-9\s-]{{0,{_TEXT_CHARACTERS_MAX}}}))", re.IGNORECASE)
_TRIES_MAX = 10_000  # each costs a checksum; a page needs a few
KIT_FIRST = "Print a recovery kit today (hartig recover kit): with it alone a lost or stolen key can be replaced."
_NO_ADDRESS = "<li>no address is known: on the same local network they are found without one</li>"
_MAKE = "run `hartig recover kit`, print the page, and keep it away from this machine"
_REMOVE = "when the kit is printed and put away: `hartig recover kit --remove`"


@dataclass(frozen=True)
class Kit:
    """What stands on the page."""

    network: bytes
    hub: bytes
    network_name: str
    hub_name: str
    addresses: tuple[str, ...]
    sealed: bytes
    consent: bytes

    def __repr__(self) -> str:
        return f"<Kit of hub {self.hub.hex()[:8]}>"

    @property
    def line(self) -> str:
        """All of it as one line, in capitals, which a QR code holds best."""
        names = [self.network_name, self.hub_name]
        fields = [_VERSION, self.network, self.hub, *names, list(self.addresses), self.sealed, self.consent]
        return KIT_START.upper() + armour(encode(fields))

    def opened(self, passphrase: str) -> SigningKey:
        """Return the recovery key; raises `KeyFileError` where the kit does not belong to it."""
        key = SigningKey(open_bytes(self.sealed, passphrase))
        if not verify(self.hub, recovery_consent(self.network, self.hub, recovery_hash(key.public)), self.consent):
            raise KeyFileError("this recovery kit is not what this hub's key signed: use another copy")
        return key


def read_kit(said: str) -> Kit:
    """Read a kit from the line, or a text or page that has it; raises `KeyFileError`."""
    problem = KeyFileError(f"there is no recovery kit in it: its text begins with {KIT_START!r}")
    for code in islice(_codes(said), _TRIES_MAX):
        try:
            data = unarmour(code, "this recovery kit")
        except KeyFileError as error:
            problem = error  # a name that begins so, or what was noted under the code
            continue
        try:
            return _read_fields(decode(data, KIT_BYTES_MAX))
        except (EncodingError, RecordError) as error:
            raise KeyFileError(f"this recovery kit cannot be read: {error}") from error
    raise problem


def _codes(said: str) -> Iterator[str]:
    """Yield what may be the code of a kit: all that follows its beginning, and less and less of it, by words."""
    for found in _LINE.finditer(said):
        ends = [word.end() for word in re.finditer(r"\S+", found[1])]
        yield from (found[1][:end] for end in reversed(ends))


def _read_fields(fields: object) -> Kit:
    need(isinstance(fields, list) and bool(fields), "kit", "must be a list")
    assert isinstance(fields, list)
    if fields[0] != _VERSION:
        raise KeyFileError("this recovery kit was made by a newer version: upgrade this program first")
    need(len(fields) == 8, "kit", "has eight fields")
    _, network, hub, network_name, hub_name, addresses, sealed, consent = fields
    bytes_of("kit.network", network, NETWORK_ID_BYTES)
    bytes_of("kit.hub", hub, KEY_BYTES)
    for name, value in (("network_name", network_name), ("hub_name", hub_name)):
        text(f"kit.{name}", value, NAME_BYTES_MAX)
    listed("kit.addresses", addresses, HUBS_MAX)
    for address in addresses:
        text("kit.address", address, ADDRESS_BYTES_MAX)
    bytes_of("kit.key", sealed, SEALED_BYTES)
    bytes_of("kit.consent", consent, SIGNATURE_BYTES)
    return Kit(network, hub, network_name, hub_name, tuple(addresses), sealed, consent)


def kit_in(given: str) -> Kit:
    """Read a kit that is given as its text, or as a file that has it; raises `KeyFileError`."""
    if _LINE.match(given.lstrip()):
        return read_kit(given)
    try:
        with Path(given).open("rb") as file:
            return read_kit(file.read(KIT_FILE_BYTES_MAX).decode("utf-8", "replace"))
    except (OSError, ValueError) as error:
        raise KeyFileError(f"the recovery kit {given:.200} cannot be read: {error}") from error


# --- What a folder knows


def what_is_known(folder: HubFolder) -> tuple[str, tuple[str, ...]]:
    """Return the network's name, and addresses of other hubs, also while the hub runs.

    Raises `FolderError` where a kit would be worthless: nothing in the network names this hub's recovery key.
    """
    names, addresses, own, good = [], list[str](), folder.noted_public("hub"), _good_addresses(folder)
    hash_, is_named = recovery_hash(folder.noted_public("recovery")), False
    for record in _records(folder):
        head, facts = record.head, record.head.facts
        if head.kind == Kind.CHARTER:
            names.append((head.seq, facts["name"].decode()))
        elif head.kind == Kind.CARD and head.author != own:
            known = (good[node] for node in facts.get("nodes", ()) if node in good)
            addresses += [*facts.get("addresses", ()), *known][:1]
        elif own in (head.subject, facts.get("successor")):
            is_named |= (facts.get("recovery") or [b""])[0] == hash_
    if not names:
        raise FolderError("this hub was not admitted to its network yet: let it run first, and make the kit then")
    if not is_named:
        raise FolderError("whoever let this hub in did not name its recovery key: ask for it, or rely on the trustees")
    addresses += [text.rpartition("@")[2] for text in read_config(folder.settings).peers]
    short = (one for one in dict.fromkeys(addresses) if len(one.encode()) <= ADDRESS_BYTES_MAX)
    return max(names)[1], tuple(islice(short, HUBS_MAX))


def _good_addresses(folder: HubFolder) -> dict[bytes, str]:
    """Return where nodes answered last, which is all that is known of hubs whose cards give no address."""
    rows = _select(folder, "SELECT value FROM private WHERE space = ? AND key = ?", (SPACE_ADDRESSES, KEY_GOOD))
    good = (one for (value,) in rows for one in msgpack.unpackb(value))
    return {node: format_address(host, port) for node, host, port in good}


def hub_names(folder: HubFolder) -> dict[bytes, str]:
    """Return the names on the cards of hubs, by key; there may be none."""
    cards = [record for record in _records(folder) if record.head.kind == Kind.CARD and record.body]
    said = ((one.head.author, one.body["name"]) for one in reversed(cards) if one.head.facts.get("type") == "hub")
    return {author: name for author, text in said if (name := name_on_card(text))}


def _records(folder: HubFolder) -> Iterator[Record]:
    """Yield records of governance, and cards, the newest first."""
    wanted = "SELECT head, signature, body FROM records WHERE kind IN (?, ?, ?, ?) ORDER BY n DESC"
    for wire in _select(folder, wanted, _KINDS):
        with contextlib.suppress(RecordError):
            yield open_record(wire, verify_signature=False)


def _select(folder: HubFolder, wanted: str, values: tuple[object, ...]) -> Iterator[Any]:
    database = folder.path / DATABASE_NAME
    if not database.exists():
        return
    try:
        with closing(connect(database)) as connection:
            yield from connection.execute(wanted, values)
    except sqlite3.Error as error:
        raise FolderError(f"{database} cannot be read: {error}; see hartig verify") from error


def mark_made(folder: HubFolder, recovery: bytes) -> None:
    """Remember for which recovery key a kit was made."""
    write_whole(_note(folder), (json.dumps({"recovery": recovery_hash(recovery).hex()}) + "\n").encode())


def is_made(folder: HubFolder, recovery: bytes) -> bool:
    """Tell whether a kit was made for this recovery key."""
    try:
        held = json.loads(_note(folder).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(held, dict) and held.get("recovery") == recovery_hash(recovery).hex()


def _note(folder: HubFolder) -> Path:
    return folder.path / "kit.json"


def problems(folder: HubFolder) -> list[tuple[str, str, str]]:
    """Return (code, what, hint) for `status` and `doctor`."""
    try:
        recovery = folder.noted_public("recovery") if folder.has_key("recovery") else None
    except (FolderError, KeyFileError, ValueError) as error:
        return [("no_recovery_kit", f"the recovery key cannot be read: {error}", "put it back, or ask the trustees")]
    if recovery is None:
        return []
    if not is_made(folder, recovery):
        return [("no_recovery_kit", "there is no recovery kit: a lost or stolen key could not be replaced", _MAKE)]
    what = "the recovery key lies beside the key that it replaces: a thief would have both"
    return [("recovery_key_here", what, _REMOVE)]


# --- The page


def page(kit: Kit) -> str:
    """Return the page: black on white, one sheet, readable as text, and complete without any network."""
    says = {name: html.escape(value) for name, value in (("network", kit.network_name), ("hub", kit.hub_name))}
    where = "".join(f"<li>{html.escape(address)}</li>" for address in kit.addresses) or _NO_ADDRESS
    head, _, code = kit.line.partition(":")
    lines = "\n".join(" ".join(group) for group in _rows(_groups(code, 5), 8))
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Recovery kit of {says["hub"]}</title>
<style>
@page {{ margin: 15mm }}
body {{ font: 11pt/1.4 sans-serif; color: #000; background: #fff; max-width: 180mm; margin: 0 auto }}
svg {{ width: 75mm; height: 75mm; float: right; margin: 0 0 5mm 5mm }}
pre, code {{ font: 11pt/1.5 monospace; overflow-wrap: anywhere; white-space: pre-wrap }}
pre {{ clear: both; border: 1pt solid #000; padding: 3mm }}
</style></head><body>
<h1>Recovery kit</h1>
{_picture(kit.line)}
<p>With this page and its passphrase the hub “{says["hub"]}” of the network “{says["network"]}” gets a new key when its
own is lost or stolen. Print it, keep it away from the hub, and keep the passphrase somewhere else.</p>
<p>Network: <code>{kit.network.hex()}</code><br>Hub: <code>{kit.hub.hex()}</code></p>
<p>Other hubs of the network:</p><ul>{where}</ul>
<h2>What to do</h2>
<p><b>The machine is gone, and there is no backup:</b> on a new one, with the text below in a file,
<code>hartig recover hub kit.txt</code>, then <code>hartig run</code>.<br>
<b>Somebody may have the hub's key:</b> stop the hub, <code>hartig recover hub kit.txt</code>, then
<code>hartig run</code>.<br>
<b>This page is lost:</b> make another while the key is still on the hub, else ask the network's trustees.</p>
<h2>The same as the picture</h2>
<pre>{head}:
{lines}</pre>
</body></html>
"""


def _picture(line: str) -> str:
    import segno

    picture = io.BytesIO()
    segno.make(line, error="m", micro=False).save(
        picture, kind="svg", xmldecl=False, svgns=False, omitsize=True, border=4, dark="#000", light="#fff"
    )
    return picture.getvalue().decode()


def _groups(code: str, length: int) -> list[str]:
    return [code[start : start + length] for start in range(0, len(code), length)]


def _rows(groups: list[str], width: int) -> list[list[str]]:
    return [groups[start : start + width] for start in range(0, len(groups), width)]
