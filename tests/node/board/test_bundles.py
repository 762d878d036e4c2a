"""Bundles on the board: written from the store in portions, read in pieces, and everything accounted for."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hartig_node.board import bundle_reading
from hartig_node.board.bundles import Bundles
from hartig_node.board.errors import BoardError
from hartig_protocol.errors import LocalError
from hartig_protocol.sync.bundle_file import BundleReader
from support.boards import Bench, running_board
from support.records import Network

WATER = {"kind": "need", "category": "water.drinking", "title": {"en": "Water"}}


@pytest.fixture
async def other() -> AsyncIterator[Bench]:
    """A hub that knows the network and nothing of it."""
    async with running_board(seed=2, founded=False) as running:
        yield running


async def posted(bench: Bench, count: int, **more: Any) -> None:
    for _ in range(count):
        await bench.board.posts.publish({**WATER, **more})


async def written(bench: Bench) -> bytes:
    bundle = await bench.board.bundles.write()
    return b"".join([piece async for piece in bundle.pieces()])


async def pieces(data: bytes, size: int = 50_000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def frames(data: bytes) -> list[bytes]:
    """Split a bundle at its frames; the first part is its beginning with the header."""
    first, *rest = data.split(b"\xc1HB")
    header, *rest = (b"\xc1HB" + part for part in rest)
    return [first + header, *rest]


def shared(bench: Bench) -> set[bytes]:
    return {entry.id for entry in bench.engine.hub.catalog.entries.values() if not entry.is_private}


async def test_a_bundle_holds_all_that_may_be_shared_and_another_hub_takes_it_over(bench: Bench, other: Bench) -> None:
    await posted(bench, 300)
    await posted(bench, 2, audience="hub")
    data = await written(bench)
    report = await other.board.bundles.read(pieces(data))
    assert shared(other) == shared(bench) == set(other.engine.hub.catalog.entries)
    assert len(bench.engine.hub.catalog.entries) == len(shared(bench)) + 2
    count = len(shared(bench))
    assert report == {
        "network": bench.founding.network.hex(), "network_name": "Test", "asks": False,
        "hub": bench.key.public.hex(), "hub_name": None, "written_at": "2026-11-23T00:00:00Z", "records": count,
        "new": count, "known": 0, "waiting": 0, "refused": [], "damaged_places": 0, "bytes_lost": 0, "bytes_after": 0,
        "gave_up": False, "ending": "whole", "complete": True,
    }  # fmt: skip
    again = await other.board.bundles.read(pieces(data, 777))
    assert (again["new"], again["known"], again["complete"]) == (0, count, True)


async def test_what_came_is_durable_when_the_report_is_there(bench: Bench, other: Bench) -> None:
    await posted(bench, 3)
    await other.board.bundles.read(pieces(await written(bench)))
    held = await other.store.load()
    assert {entry.id for entry in held.entries} == shared(bench)


async def test_a_bundle_waits_until_what_it_names_is_in_the_store(bench: Bench) -> None:
    await posted(bench, 1)
    bench.store.hold()
    async with asyncio.TaskGroup() as group:
        posting = group.create_task(bench.board.posts.publish(WATER))
        await asyncio.sleep(0)
        writing = group.create_task(written(bench))
        await asyncio.sleep(0)
        bench.store.release()
    reader = BundleReader()
    heads = {wire[0] for wire in reader.feed(writing.result())}
    assert reader.is_whole
    assert bytes.fromhex((await bench.board.posts.raw(posting.result().record))["head"]) in heads


async def test_what_a_store_has_lost_is_no_silent_gap(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = await bench.board.bundles.write()

    async def nothing(after: int, *_: int, **__: bool) -> tuple[list[Any], int]:
        return [], after

    monkeypatch.setattr(bench.store, "read_arrivals", nothing)
    with pytest.raises(LocalError, match="does not hold"):
        [piece async for piece in bundle.pieces()]


async def test_a_hub_of_no_network_has_nothing_to_write(other: Bench) -> None:
    with pytest.raises(BoardError) as refused:
        await other.board.bundles.write()
    assert refused.value.code == "not_admitted"


async def test_a_tampered_record_is_left_out_and_the_rest_is_kept(bench: Bench, other: Bench) -> None:
    await posted(bench, 5, title="Honest words")
    data = await written(bench)
    report = await other.board.bundles.read(pieces(data.replace(b"Honest", b"Forged", 1)))
    assert report["refused"] == [{"code": "bad_body", "count": 1}]
    assert (report["new"], report["ending"], report["complete"]) == (len(shared(bench)) - 1, "changed", False)
    assert len(shared(other)) == len(shared(bench)) - 1


async def test_a_file_that_was_cut_off_gives_what_it_holds(bench: Bench, other: Bench) -> None:
    await posted(bench, 5)
    parts = frames(await written(bench))
    report = await other.board.bundles.read(pieces(b"".join(parts[:-3]) + parts[-3][:50]))
    assert (report["new"], report["ending"], report["bytes_lost"]) == (len(shared(bench)) - 2, "missing", 50)
    assert not report["complete"]


async def test_a_record_without_its_proof_is_told_as_waiting_and_comes_later(bench: Bench, other: Bench) -> None:
    await posted(bench, 2)
    header, charter, *rest = frames(await written(bench))
    report = await other.board.bundles.read(pieces(header + b"".join(rest)))
    assert (report["new"], report["waiting"], report["complete"]) == (0, len(rest) - 1, False)
    assert (await other.board.status.report())["waiting"] == len(rest) - 1
    report = await other.board.bundles.read(pieces(header + charter))
    assert shared(other) == shared(bench)
    assert (report["new"], report["waiting"]) == (1, 0)


async def test_what_waited_for_a_later_part_of_the_same_bundle_is_new(bench: Bench, other: Bench) -> None:
    await posted(bench, 140)
    header, charter, *rest, end = frames(await written(bench))
    report = await other.board.bundles.read(pieces(header + b"".join(rest) + charter + end))
    assert (report["new"], report["waiting"], report["ending"]) == (len(shared(bench)), 0, "changed")


async def test_a_revoked_keys_record_by_bundle_is_void(bench: Bench, other: Bench) -> None:
    network = Network(seat=bench.founding.seats[0].key)
    network.charter = bench.founding.charter
    thief = network.hub(9)
    grant, stolen = network.grant(thief.public, author=bench.key, place=7), network.need(thief, place=3)
    assert await bench.engine.publish([grant.wire, stolen.wire]) == (None, None)
    data = await written(bench)
    proofs = [bench.founding.charter, bench.founding.grant, grant, network.revoke(thief.public)]
    assert await other.engine.publish([record.wire for record in proofs]) == (None,) * 4
    report = await other.board.bundles.read(pieces(data))
    assert report["refused"] == [{"code": "revoked", "count": 1}]
    assert stolen.id not in other.engine.hub.catalog.entries
    assert report["ending"] == "whole"
    assert report["complete"], "what is void passes"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda data: b"Something else", "does not begin as bundles do"),
        (lambda data: b"", "does not begin as bundles do"),
        (lambda data: data[:100], "before its first record"),
        (lambda data: data[:100] + b"?" + data[101:], "damaged or was changed"),
    ],
)
async def test_what_is_no_bundle_is_refused_with_what_to_do(bench: Bench, other: Bench, change: Any, says: str) -> None:
    with pytest.raises(BoardError, match=says) as refused:
        await other.board.bundles.read(pieces(change(await written(bench))))
    assert refused.value.code == "bad_bundle"
    assert refused.value.hint
    assert not other.engine.hub.catalog.entries


async def test_one_bundle_is_read_at_a_time_and_the_next_when_it_is_done(bench: Bench, other: Bench) -> None:
    data, reading = await written(bench), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield data
        reading.set()
        await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        first = group.create_task(other.board.bundles.read(slowly()))
        await reading.wait()
        with pytest.raises(BoardError) as refused:
            await other.board.bundles.read(pieces(data))
        first.cancel()
    assert refused.value.code == "too_many"
    assert (await other.board.bundles.read(pieces(data)))["complete"]


async def test_a_full_disk_is_said_and_not_waited_for(
    bench: Bench, other: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle_reading, "DURABLE_S_MAX", 0.01)
    data = await written(bench)
    other.store.hold()
    with pytest.raises(BoardError) as refused:
        await other.board.bundles.read(pieces(data))
    assert refused.value.code == "disk_full"
    other.store.release()


async def test_it_says_what_it_is(bench: Bench) -> None:
    assert "Bundles of" in repr(bench.board.bundles)
    assert isinstance(bench.board.bundles, Bundles)
    assert "records so far" in repr(await bench.board.bundles.write())
