"""Whatever bytes come in, by every way that there is: an answer or a refusal of its own kind, and bounded memory.

The parts' own tests know the forms of what they read, and try more of them. Here all ways in have the same inputs: good
ones with bytes changed, cut and doubled, noise, and what is small and asks for much (nesting, maps, promised lengths).
"""

import asyncio
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hartig_node.api.reading import BODY_BYTES_MAX as JSON_BYTES_MAX
from hartig_node.api.reading import parse_json
from hartig_node.board.errors import BoardError
from hartig_node.net.addresses import parse_address
from hartig_node.net.announcements import read_txt
from hartig_node.ports import StoreError
from hartig_node.store.backup import restore
from hartig_node.store.opening import open_store
from hartig_node.store.verify import verify
from hartig_protocol.encoding import decode, encode
from hartig_protocol.errors import RemoteError
from hartig_protocol.events import FrameReceived
from hartig_protocol.limits import BODY_BYTES_MAX, BUNDLE_FRAME_BYTES_MAX, FRAME_BYTES_MAX, INVITE_BYTES_MAX
from hartig_protocol.records.invites import Invite, read_invite
from hartig_protocol.records.opening import open_record
from hartig_protocol.sync.bundle_file import BundleHeader, BundleReader, BundleWriter
from hartig_protocol.sync.framing import pack
from hartig_protocol.sync.messages import LIVE, Records
from hartig_protocol.sync.sketch import SYMBOL_BYTES, TALLY_BYTES
from hartig_protocol.sync.sketch_coding import Encoder
from hartig_protocol.sync.sketch_decoding import Decoder
from node.store.arrivals import Arrivals
from support.records import NOW_MS, Network, random_bytes_from
from support.wire import Puppet, Wire

ADDED_BYTES_MAX = 64 * 1024 * 1024
EXAMPLES = settings.default.max_examples // 2  # each is a file, or a request
NET = Network()
NEED = NET.need(NET.hub(1))
GREEDY = (
    b"\x91" * 4_000, b"\x81\xa1a" * 4_000, b"\x80" * 4_000,  # nested, nested by keys, many
    b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff",  # promised
    b"[" * 4_000, b'{"a":' * 4_000, b"9" * 5_000, b'"\\ud800"', b"1e999999", b"\xff" * 4_000, bytes(4_000),
)  # fmt: skip


@dataclass(frozen=True)
class Way:
    """A way in: who reads, something good to read, the most that is ever handed over, and how it may be refused."""

    read: Callable[[bytes], object]
    good: Callable[[], bytes]
    bytes_max: int
    refusals: type[Exception] = RemoteError


# --- What reads


def read_record(data: bytes) -> None:
    """Read the same bytes as each part of a record."""
    for wire in ((data, NEED.signature, None), (NEED.head_bytes, data, NEED.body_bytes), (data, data, data)):
        with suppress(RemoteError):
            open_record(wire)
    open_record((NEED.head_bytes, NEED.signature, data), verify_signature=False)


def hear(data: bytes) -> None:
    """Let a member say it, as a frame and as a record."""
    wire = Wire()
    puppet = Puppet(wire, 2, wire.member(1))
    puppet.say(puppet.hello(), Records(LIVE, (data, [data, data, None]), final=False))
    wire.handle(puppet.core, FrameReceived(puppet.link, data))
    wire.deliver()


def decode_sketch(data: bytes) -> None:
    job = (decoder := Decoder(Encoder([bytes(96)], bytes(16)), 3, 1_000)).decode()
    decoder.add(bytes(TALLY_BYTES) + data)
    while not job.step():
        pass


def read_bundle(data: bytes) -> None:
    reader = BundleReader(NET.id)
    reader.feed(data)
    reader.finish()


def read_backup(data: bytes) -> None:
    with TemporaryDirectory() as name:
        path = Path(name) / "backup"
        path.write_bytes(data)
        with suppress(StoreError):
            verify(path)
        restore(path, Path(name) / "hub", NOW_MS, random_bytes_from(1))


def text_of(data: bytes) -> str:
    return data.decode("utf-8", "replace")


# --- What is good


@cache
def good_bundle() -> bytes:
    key, records = NET.hub(1), [*NET.founding(1), NEED]
    header = BundleHeader(NET.id, key.public, bytes(16), len(records), bytes(16), len(records), NOW_MS, NET.id)
    writer = BundleWriter(key, header)
    begun = writer.begin() + writer.proofs(record.wire for record in records)
    return begun + writer.records(record.wire for record in records) + writer.end()


@cache
def good_backup() -> bytes:
    async def write(folder: Path) -> bytes:
        store = await open_store(folder / "hub", now_ms=lambda: NOW_MS, random_bytes=random_bytes_from(0))
        try:
            await store.commit(Arrivals().commit(*NET.founding(1), NEED))
            await store.backup(str(folder / "backup"))
        finally:
            await store.close()
        return (folder / "backup").read_bytes()

    with TemporaryDirectory() as name:
        return asyncio.run(write(Path(name)))


WAYS = {
    "decoder": Way(lambda data: decode(data, FRAME_BYTES_MAX), lambda: encode({"a": [1, b"2"]}), FRAME_BYTES_MAX),
    "record": Way(read_record, lambda: NEED.head_bytes, BODY_BYTES_MAX),
    "session": Way(hear, lambda: pack(Records(LIVE, (NEED.wire,), final=True)), FRAME_BYTES_MAX),
    "sketch": Way(decode_sketch, lambda: bytes(range(40)) * 4, 600 * SYMBOL_BYTES),  # more take long, not more memory
    "bundle": Way(read_bundle, good_bundle, 8 * BUNDLE_FRAME_BYTES_MAX),
    "API": Way(parse_json, lambda: b'{"title": {"en": "Water"}, "days": 3}', JSON_BYTES_MAX, BoardError),
    "address": Way(lambda data: parse_address(text_of(data)), lambda: b"[fe80::1%eth0]:4279", 4_096),
    "TXT": Way(lambda data: read_txt({b"v": b"1", b"n": data, b"t": data[:16]}), lambda: b"0f" * 32, 255),
    "invite": Way(
        lambda data: read_invite(text_of(data)),
        Invite(NET.id, bytes(32), bytes(16), NOW_MS, 1, ("10.0.0.1:4279",)).link.encode,
        4 * INVITE_BYTES_MAX,
    ),
    "backup": Way(read_backup, good_backup, 1024 * 1024, StoreError),
}


@st.composite
def changed(draw: st.DrawFn, good: bytes) -> bytes:
    """Good bytes with some of them changed, then a piece taken out or put in somewhere."""
    data, places = bytearray(good), st.integers(0, len(good))
    for at, value in draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=6)):
        data[at : at + 1] = bytes([value])
    start, end, to = (draw(places) for _ in range(3))
    piece = draw(st.sampled_from((b"", bytes(data[start:end]), *GREEDY)))
    return bytes(data[:to]) + piece + bytes(data[draw(places) :])


@pytest.mark.parametrize("name", WAYS)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_whatever_comes_in_is_read_or_refused(name: str, data: st.DataObject) -> None:
    way = WAYS[name]
    said = data.draw(st.one_of(changed(way.good()), st.binary(max_size=400), st.sampled_from(GREEDY)))
    with suppress(way.refusals):
        way.read(said[: way.bytes_max])


@pytest.mark.parametrize("name", WAYS)
def test_what_asks_for_much_gets_no_more_than_the_bound(name: str) -> None:
    way = WAYS[name]
    with suppress(way.refusals):
        way.read(way.good())  # what is loaded once is no part of it
    for piece in GREEDY:
        whole = (piece * (way.bytes_max // len(piece) + 1))[: way.bytes_max]
        tracemalloc.start()
        try:
            with suppress(way.refusals):
                way.read(whole)
            assert tracemalloc.get_traced_memory()[1] < ADDED_BYTES_MAX
        finally:
            tracemalloc.stop()
