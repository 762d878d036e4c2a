"""Bundles between networks whose hubs never meet: they agree, share and deal by files; and what hostile ones do."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from hartig_node.board.errors import BoardError
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind, Record
from hartig_protocol.sync.bundle_file import BundleReader, BundleWriter
from support.federated import pact_of
from support.towns import Town, found, linked, offer, rest, running, say, towns

FRAME = b"\xc1HB"
BLANKETS = {
    "kind": "offer",
    "category": "household.bedding",
    "title": "Blankets",
    "quantity": 9,
    "audience": "partners",
}
COLD = {"kind": "need", "category": "household.bedding", "title": "Cold nights", "quantity": 3}


async def written(town: Town, partner: Town | None = None) -> bytes:
    bundle = await town.board.bundles.write(None if partner is None else partner.network.id)
    return b"".join([piece async for piece in bundle.pieces()])


async def read(town: Town, data: bytes, size: int = 1_000) -> dict[str, Any]:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(data), size):
            yield data[start : start + size]

    return await town.board.bundles.read(pieces())


async def refused(town: Town, data: bytes) -> BoardError:
    with pytest.raises(BoardError) as caught:
        await read(town, data)
    assert caught.value.hint
    return caught.value


def records_in(data: bytes) -> list[Record]:
    reader = BundleReader()
    records = [open_record(wire) for wire in [*reader.feed(data), *reader.finish()]]
    assert reader.is_whole
    return records


async def proven(town: Town, **grant: Any) -> None:
    """Give a hub its proofs; it may speak for its network unless the grant says otherwise."""
    given = {"place": 1, "rank": "organiser", "gateway": True} | grant
    assert not any(await town.engine.publish([town.network.charter, town.network.grant(town.key.public, **given)]))
    await town.board.membership.start()


async def agreed(one: Town, other: Town, **terms: Any) -> None:
    """Both say so, and each has the other's word by a file."""
    for town, partner in ((one, other), (other, one)):
        await proven(town)
        await say(town, partner, **terms)
    await rest()
    for town, partner in ((one, other), (other, one)):
        await read(partner, await written(town, partner))
    await rest()


@pytest.fixture
async def pair() -> AsyncIterator[tuple[Town, Town]]:
    one, other = towns()
    async with running(one), running(other):
        yield one, other


async def test_two_networks_agree_and_share_by_files_alone(pair: tuple[Town, Town]) -> None:
    one, other = pair
    await proven(one)
    await proven(other)
    shared, private = offer(one), offer(one, 1, "network")
    assert not any(await one.engine.publish([shared, private]))
    await say(one, other)
    await rest()
    asking = await written(one, other)
    kinds = [record.head.kind for record in records_in(asking)]
    assert kinds == [Kind.CHARTER, Kind.GRANT, Kind.PACT, Kind.CARD]

    report = await read(other, asking)
    assert (report["asks"], report["network"], report["complete"]) == (True, one.network.id.hex(), True)
    assert (report["new"], report["known"], report["records"]) == (0, 0, 4)
    (proposal,) = await other.board.partners.proposals.list()
    assert proposal.network == one.network.id
    await other.board.partners.accept(one.network.id, {}, None)
    await rest()

    assert (await read(other, asking))["new"] == 4  # read again, it is their yes
    ours = offer(other, 5)
    assert not any(await other.engine.publish([ours]))
    await rest()
    report = await read(one, await written(other, one))
    assert (report["complete"], report["refused"], report["hub_name"]) == (True, [], f"Hub of {other.network.seed}")
    assert await one.held(other) == [ours.head.thread]

    answer = await written(one, other)
    assert private.id not in {record.id for record in records_in(answer)}
    report = await read(other, answer)
    assert (report["complete"], report["network_name"]) == (True, "Maple Street")
    assert await other.held(one) == [shared.head.thread]
    again = await read(other, answer)
    assert (again["new"], again["known"]) == (0, again["records"])


async def test_what_was_carried_is_not_sent_again_when_the_hubs_meet(pair: tuple[Town, Town]) -> None:
    one, other = pair
    await agreed(one, other)
    assert not any(await one.engine.publish([offer(one, place) for place in range(3)]))
    await rest()
    await read(other, await written(one, other))
    theirs = other.engine.hub.partners[one.network.id].theirs  # type: ignore[attr-defined]
    serving = one.engine.hub.partners[other.network.id].ours  # type: ignore[attr-defined]
    state = serving.hub.state
    assert theirs.state.cursors.ours(one.key.public) == (state.epoch, state.catalog.last_n, state.catalog.running)


async def test_the_yes_and_the_posts_come_in_one_file(pair: tuple[Town, Town]) -> None:
    one, other = pair
    for town, partner in ((one, other), (other, one)):
        await proven(town)
        await say(town, partner)
    assert not any(await one.engine.publish([offer(one)]))
    await rest()
    await read(one, await written(other, one))
    await rest()
    report = await read(other, await written(one, other), 100_000)  # all of it in one portion
    assert (report["refused"], report["complete"], len(await other.held(one))) == ([], True, 1)


async def test_a_hub_that_may_not_speak_reads_but_does_not_write(pair: tuple[Town, Town]) -> None:
    one, other = pair
    await proven(one)
    await say(one, other)
    await proven(other, gateway=False)
    await say(other, one)
    await rest()
    with pytest.raises(BoardError) as caught:
        await other.board.bundles.write(one.network.id)
    assert (caught.value.code, caught.value.rule) == ("not_allowed", "speakers")
    assert (await read(other, await written(one, other)))["complete"]


async def test_nothing_is_written_for_a_network_that_was_not_asked(pair: tuple[Town, Town]) -> None:
    one, other = pair
    await proven(one)
    for network in (other.network.id, one.network.id):
        with pytest.raises(BoardError) as caught:
            await one.board.bundles.write(network)
        assert caught.value.code == "not_found"


async def test_a_tampered_record_is_dropped_and_told(pair: tuple[Town, Town]) -> None:
    one, other = pair
    await agreed(one, other)
    good, bad = one.network.offer(one.key, place=1, audience="partners", title="Honest"), offer(one, 1)
    assert not any(await one.engine.publish([good, bad]))
    await rest()
    data = await written(one, other)
    report = await read(other, data.replace(b"Honest", b"Forged", 1))
    assert report["refused"] == [{"code": "bad_body", "count": 1}]
    assert (report["ending"], report["complete"]) == ("changed", False)
    assert await other.held(one) == [bad.head.thread]


async def test_what_is_left_of_a_file_is_taken_and_no_word_of_its_end_is_believed(pair: tuple[Town, Town]) -> None:
    one, other = pair
    await agreed(one, other)
    assert not any(await one.engine.publish([offer(one, 0), offer(one, 1)]))
    await rest()
    data = await written(one, other)
    cut = data[: data.rindex(FRAME, 0, data.rindex(FRAME))]
    report = await read(other, cut)
    assert (report["ending"], report["complete"], len(await other.held(one))) == ("missing", False, 1)


async def test_a_bundle_for_another_network_is_refused_by_everybody_else(pair: tuple[Town, Town]) -> None:
    one, other = pair
    await agreed(one, other)
    third = towns(3)[2]
    async with running(third):
        await proven(third)
        for reader in (third, one):
            said = await refused(reader, await written(one, other))
            assert (said.code, "another network" in said.detail) == ("bad_bundle", True)
        assert (await refused(other, await written(one))).code == "bad_bundle"
        assert await third.board.partners.proposals.list() == []


async def test_a_network_with_which_nothing_is_agreed_brings_nothing(pair: tuple[Town, Town]) -> None:
    one, other = pair
    await agreed(one, other)
    assert not any(await one.engine.publish([offer(one)]))
    await rest()
    data = await written(one, other)
    await other.board.partners.leave(one.network.id)
    await rest()
    report = await read(other, data)  # of an agreement that we have ended: as if they asked anew
    assert (report["asks"], report["new"], other.disks) == (True, 0, {})
    await other.board.partners.proposals.dismiss(one.network.id)
    said = await refused(other, data)
    assert (said.code, "nothing of it is kept" in said.detail) == ("not_found", True)
    assert other.disks == {}


async def test_what_proves_nothing_asks_for_nothing(pair: tuple[Town, Town]) -> None:
    one, other = pair
    await proven(one)
    await proven(other)
    await say(one, other)
    await rest()
    begin, *frames, end = (await written(one, other)).split(FRAME)[1:]
    data = await written(one, other)
    magic = data[: data.index(FRAME)]
    for at in range(len(frames)):
        left = [begin, *frames[:at], *frames[at + 1 :], end]
        assert (await refused(other, magic + b"".join(FRAME + one for one in left))).code == "not_found"
    assert (await refused(other, data.replace(b"Hub of", b"Hut of", 1))).code == "not_found"
    assert await other.board.partners.proposals.list() == []


async def test_by_an_agreement_that_has_ended_nothing_more_is_taken(pair: tuple[Town, Town]) -> None:
    one, other = pair
    await agreed(one, other)
    assert not any(await one.engine.publish([offer(one)]))
    await rest()
    before = await written(one, other)
    ended = pact_of(one.network, other.network.id, one.key, seq=2, ends=True)
    (partition,) = other.engine.stores
    assert (await other.engine.carry(one.key.public, [ended.wire], partition)).refusals == (None,)
    report = await read(other, before)
    assert report["refused"] == [{"code": "not_shared", "count": 1}, {"code": "superseded", "count": 1}]
    assert await other.held(one) == []


async def test_a_third_networks_records_are_never_taken(pair: tuple[Town, Town]) -> None:
    one, other = pair
    await agreed(one, other)
    third = towns(3)[2]
    smuggled = [*third.network.founding(), offer(third)]
    data, header = await written(one, other), BundleReader()
    header.feed(data)
    assert header.header is not None
    writer = BundleWriter(one.key, header.header)
    wires = [record.wire for record in [*records_in(data), *smuggled]]
    hostile = writer.begin() + writer.proofs(wires) + writer.records(wires) + writer.end()
    report = await read(other, hostile)
    assert (report["complete"], report["refused"]) == (False, [{"code": "other_network", "count": len(smuggled)}])
    (partition,) = other.engine.stores
    assert partition == one.network.id


async def test_a_gateways_bundle_for_one_partner_has_nothing_of_another() -> None:
    a, b, c = towns(3)
    async with running(a), running(b), running(c):
        await found(a, b)
        await found(b, a)
        await found(c, b)
        await say(b, c, place=997)
        assert not any(await a.engine.publish([offer(a)]))
        async with linked(a, b):
            await rest()
        assert len(await b.held(a)) == 1
        await read(b, await written(c, b))
        mine = offer(b)
        assert not any(await b.engine.publish([mine]))
        await rest()
        records = records_in(await written(b, c))
        assert {record.head.network for record in records[1:]} == {b.network.id}
        assert mine.id in {record.id for record in records}
        assert [one.head.subject for one in records if one.head.kind == Kind.PACT] == [c.network.id]
        assert all(a.network.id not in record.wire[0] for record in records)


async def test_a_deal_goes_by_files_and_a_third_network_reads_no_contact() -> None:
    giver, needer, third = towns(3)
    async with running(giver), running(needer), running(third):
        await agreed(giver, needer)
        await proven(third)
        await say(third, giver)
        await say(giver, third, place=997)
        await rest()
        await read(giver, await written(third, giver))
        lot = await giver.board.posts.publish({**BLANKETS, "contact": "Ring twice"})
        need = await needer.board.posts.publish({**COLD, "contact": "Ask for the tall one"})

        async def trip(writer: Town, reader: Town) -> None:
            await rest(writer)
            assert (await read(reader, await written(writer, reader)))["complete"]
            await rest(reader)

        await trip(giver, needer)
        deal = (await needer.board.deals.ask(need.id, lot.id, None)).id
        await trip(needer, giver)
        await giver.board.deals.promise(deal)
        await trip(giver, needer)
        await trip(needer, giver)
        assert await giver.board.contacts.contact_of(bytes.fromhex(deal)) == "Ask for the tall one"
        assert await needer.board.contacts.contact_of(bytes.fromhex(deal)) == "Ring twice"
        steps = [one for one in records_in(await written(giver, third)) if one.head.kind == Kind.STEP]
        assert [one.body_bytes for one in steps if one.head.facts["verb"] == "contact"] == [None]


async def test_an_agreement_that_changes_while_it_is_written_ends_the_file(pair: tuple[Town, Town]) -> None:
    one, other = pair
    await agreed(one, other)
    bundle = await one.board.bundles.write(other.network.id)
    pieces = bundle.pieces()
    await anext(pieces)
    await one.engine.publish([pact_of(one.network, other.network.id, one.key, seq=2, areas=("u33",))])
    with pytest.raises(BoardError, match="changed meanwhile"):
        [piece async for piece in pieces]


async def test_a_set_that_is_being_opened_is_said_and_not_taken_for_no_agreement(
    pair: tuple[Town, Town], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = pair
    await agreed(one, other)
    data = await written(one, other)
    held = other.board.context.partners[one.network.id]
    closed = replace(held, theirs=None, store=None)  # type: ignore[type-var]
    other.board.context.partners = {one.network.id: closed}
    assert (await refused(other, data)).code == "starting"
    with pytest.raises(BoardError) as caught:
        await other.board.bundles.write(one.network.id)
    assert caught.value.code == "starting"
    other.board.context.partners = {one.network.id: held}
    other.engine.stores.clear()
    assert (await refused(other, data)).code == "starting"
