import pytest

from hartig_node.board.errors import BoardError
from hartig_node.board.signing import SEQ_RAISE
from hartig_protocol.events import OwnRecordClaimed
from support.boards import Bench, running_board

WATER = {"kind": "need", "category": "water", "title": "Water"}
CLAIM = OwnRecordClaimed(b"\x01" * 32, 7, b"\x02" * 32)


async def test_a_hub_publishes_its_card_once(bench: Bench) -> None:
    assert bench.board.membership._context.names() == {bench.key.public: "Test hub"}
    before = bench.engine.hub.catalog.last_n
    await bench.board.membership.announce()
    assert bench.engine.hub.catalog.last_n == before


async def test_a_card_is_published_anew_when_what_it_says_has_changed(bench: Bench) -> None:
    bench.board.config.addresses = ("192.0.2.1:4279",)
    before = bench.engine.hub.catalog.last_n
    await bench.board.membership.announce()
    assert bench.engine.hub.catalog.last_n == before + 1


async def test_a_record_that_was_never_signed_here_raises_seq_and_the_second_stops_the_pen(bench: Bench) -> None:
    view = await bench.board.posts.publish(WATER)
    await bench.board.membership.own_record_claimed(CLAIM)
    assert (await bench.board.posts.revise(view.id, {"people": 3})).seq == 7 + SEQ_RAISE
    assert [code for code, _, _ in bench.board.membership.problems()] == ["restored"]
    await bench.board.membership.own_record_claimed(OwnRecordClaimed(b"\x03" * 32, 8 + SEQ_RAISE, b"\x02" * 32))
    with pytest.raises(BoardError) as caught:
        await bench.board.posts.publish(WATER)
    assert caught.value.code == "stopped_signing"


async def test_many_records_of_one_forgotten_past_count_once(bench: Bench) -> None:
    for number in range(1, 20):
        await bench.board.membership.own_record_claimed(OwnRecordClaimed(bytes([number] * 32), number, b"\x02" * 32))
    assert bench.board.membership.times_claimed == 1
    assert (await bench.board.posts.publish(WATER)).state == "standing"


async def test_a_record_from_the_log_says_nothing(bench: Bench) -> None:
    view = await bench.board.posts.publish(WATER)
    await bench.board.posts.revise(view.id, {"people": 3})
    await bench.board.membership.own_record_claimed(OwnRecordClaimed(bytes.fromhex(view.record), 1, b"\x02" * 32))
    assert bench.board.membership.problems() == []


async def test_what_was_learnt_outlives_a_restart(bench: Bench) -> None:
    await bench.board.membership.own_record_claimed(CLAIM)
    await bench.board.membership.own_record_claimed(OwnRecordClaimed(b"\x03" * 32, 8 + SEQ_RAISE, b"\x02" * 32))
    async with running_board(bench.store.disk) as again:
        with pytest.raises(BoardError):
            await again.board.posts.publish(WATER)
