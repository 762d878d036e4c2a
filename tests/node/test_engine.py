"""The driver alone: order of store, send and tell; full disks; links that misbehave."""

import asyncio

import pytest

from hartig_node.board.drafts.drafts import PostFields, read_draft
from hartig_node.engine import TOGETHER_BYTES_MAX
from hartig_node.full_disk import FULL_RETRY_S
from hartig_node.outbox import OUTBOX_BYTES_MAX, Outbox
from hartig_node.ports import StoreError
from hartig_node.tasks import Tasks
from hartig_protocol.events import Commit, Event, FramesReceived, PeerChanged, SendFrame
from hartig_protocol.sync.framing import pack, unpack
from hartig_protocol.sync.messages import (
    Bye,
    Hello,
    Ping,
)
from support.boards import node_id_of, running_board
from support.pipes import PipeLink

WATER = {"kind": "need", "category": "water", "title": "Water"}


async def settle(turns: int = 60) -> None:
    """Let every task take some turns."""
    for _turn in range(turns):
        await asyncio.sleep(0)


@pytest.fixture
def tasks() -> Tasks:
    return Tasks()


async def test_nothing_is_sent_before_it_is_stored() -> None:
    async with running_board() as bench:
        bench.store.hold()
        link = PipeLink(node_id_of(9), opened_by_us=True)
        bench.engine._links[77] = (link, Outbox(link))
        bench.engine.order([Commit(), SendFrame(77, b"after")])
        await settle()
        outbox = bench.engine._links[77][1]
        assert not outbox._frames
        bench.store.release()
        await settle()
        assert list(outbox._frames) == [b"after"]
        del bench.engine._links[77]


async def test_a_full_disk_is_waited_out_and_then_acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hartig_node.full_disk.FULL_RETRY_S", 0)
    assert FULL_RETRY_S > 0
    async with running_board() as bench:
        bench.store.disk.is_full = True
        publishing = bench.engine.start_publish([bench.board.posts._sign(_fields())[0].record.wire])
        await settle()
        assert not publishing.done()
        assert bench.engine.stuck
        bench.store.disk.is_full = False
        async with asyncio.timeout(30):
            assert await publishing == (None,)
        assert bench.engine.stuck is None


def _fields() -> PostFields:
    return read_draft(WATER)


async def test_a_bad_frame_costs_its_link_and_nothing_else(tasks: Tasks) -> None:
    async with running_board() as bench:
        link = PipeLink(node_id_of(9), opened_by_us=False)
        serving = tasks.start(bench.engine.run_link(link), "link")
        link.inbox.put_nowait(b"\xc1 this is no message")
        await settle()
        link.inbox.put_nowait(None)
        await serving
        last = unpack(link.sent[-1])
        assert isinstance(last, Bye)
        assert last.code == "not_msgpack"
        assert bench.engine.hub.state.sessions == {}
        assert (await bench.board.posts.publish(WATER)).state == "standing"
    await tasks.close()


async def test_frames_that_are_here_together_are_one_event(tasks: Tasks, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_board() as bench:
        seen: list[tuple[bytes, ...]] = []
        usual = bench.engine.handle

        def handle(event: Event) -> None:
            if isinstance(event, FramesReceived):
                seen.append(event.frames)
            usual(event)

        monkeypatch.setattr(bench.engine, "handle", handle)
        link = PipeLink(node_id_of(9), opened_by_us=False)
        large = bytes(TOGETHER_BYTES_MAX)
        for frame in (b"1", b"2", large, b"3"):
            link.inbox.put_nowait(frame)
        serving = tasks.start(bench.engine.run_link(link), "link")
        await settle()
        assert seen == [(b"1", b"2", large), (b"3",)]
        link.close("done")
        await serving
    await tasks.close()


async def test_a_dialled_link_gets_our_hello_first(tasks: Tasks) -> None:
    async with running_board() as bench:
        link = PipeLink(node_id_of(9), opened_by_us=True)
        serving = tasks.start(bench.engine.run_link(link), "link")
        await settle()
        assert isinstance(unpack(link.sent[0]), Hello)
        link.close("done")
        await serving
    await tasks.close()


async def test_a_stranger_learns_nothing(tasks: Tasks) -> None:
    async with running_board() as bench:
        link = PipeLink(node_id_of(9), opened_by_us=False)
        serving = tasks.start(bench.engine.run_link(link), "link")
        await settle()
        assert link.sent == []
        link.close("done")
        await serving
    await tasks.close()


async def test_a_peer_that_does_not_read_costs_bounded_memory_and_its_link() -> None:
    link = PipeLink(node_id_of(9), opened_by_us=True)
    link.reads.clear()
    outbox = Outbox(link)
    frame = b"x" * (256 * 1024)
    accepted = 0
    while outbox.put(frame):
        accepted += 1
    assert accepted * len(frame) <= OUTBOX_BYTES_MAX
    outbox.abort("the other hub does not read")
    await outbox.run()
    assert link.closed == "the other hub does not read"
    assert link.sent == []


async def test_last_words_are_sent_before_the_link_closes() -> None:
    link = PipeLink(node_id_of(9), opened_by_us=True)
    outbox = Outbox(link)
    outbox.put(pack(Ping(1)))
    outbox.put(pack(Bye("full", "no room")))
    outbox.finish("full: no room")
    outbox.put(b"too late")
    await outbox.run()
    assert [type(unpack(frame)).__name__ for frame in link.sent] == ["Ping", "Bye"]
    assert link.closed == "full: no room"


async def test_peers_say_why_there_is_no_link(tasks: Tasks) -> None:
    async with running_board() as bench:
        link = PipeLink(node_id_of(9), opened_by_us=False)
        serving = tasks.start(bench.engine.run_link(link), "link")
        await settle()
        link.inbox.put_nowait(pack(Bye("revoked", "the hub's key was revoked")))
        await settle()
        link.close("done")
        await serving
        (peer,) = bench.board.status.peers()
        assert (peer["state"], peer["code"], peer["reason"]) == (
            "refused",
            "revoked",
            "it said: the hub's key was revoked",
        )
    await tasks.close()


async def test_a_doubled_links_end_does_not_hide_the_one_that_stands() -> None:
    async with running_board() as bench:
        peers, node, hub = bench.engine.peers, node_id_of(9), b"\x07" * 32
        peers.changed(PeerChanged(1, node, hub, "open"))
        peers.changed(PeerChanged(2, node, hub, "closed", "doubled", "two links to one hub"))
        assert [peer.state for peer in peers.all()] == ["open"]
        peers.changed(PeerChanged(1, node, hub, "closed", "closed", "gone"))
        assert [peer.state for peer in peers.all()] == ["closed"]


async def test_a_store_that_fails_ends_the_node() -> None:
    async with running_board(may_fail=True) as bench:
        bench.store.hold()
        waiting = bench.engine.start_publish([bench.board.posts._sign(_fields())[0].record.wire])
        await settle()
        bench.store.crash()
        await settle()
        assert not waiting.done()
        assert "engine" in bench.failures[0]
        assert StoreError.__name__ in bench.failures[0]


@pytest.mark.parametrize("by_timer", [False, True])
async def test_an_error_out_of_the_core_ends_the_node_whoever_asked(
    monkeypatch: pytest.MonkeyPatch, *, by_timer: bool
) -> None:
    async with running_board(may_fail=True) as bench:

        def fail(*_: object) -> None:
            raise TypeError("planted")

        monkeypatch.setattr(bench.engine.hub, "handle", fail)
        with pytest.raises(TypeError):
            bench.engine._time_passed() if by_timer else bench.engine.start_publish([])
        assert "planted" in bench.failures[0]
        monkeypatch.undo()
        last_n = bench.engine.hub.catalog.last_n
        bench.engine.start_publish([bench.board.posts._sign(_fields())[0].record.wire])
        assert bench.engine.hub.catalog.last_n == last_n
