"""Links over real TLS on loopback: frames, bounds, back-pressure, and whose fault it is."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from hartig_node.net.certificates import NodeIdentity
from hartig_node.net.dialing import dial
from hartig_node.net.gate import GateLimits
from hartig_node.net.links import Link, LinkClosedError, LinkError, LinkLimits
from hartig_node.net.peer_server import PeerServer
from hartig_node.net.tls import make_context
from hartig_node.tasks import Tasks
from hartig_protocol.errors import LocalError, MessageError, RemoteError

pytestmark = pytest.mark.usefixtures("patience")

OnLink = Callable[[Link], Awaitable[None]]


async def echo(link: Link) -> None:
    while True:
        await link.send(await link.receive())


@asynccontextmanager
async def server_of(
    identity: NodeIdentity, on_link: OnLink, gate: GateLimits | None = None, limits: LinkLimits | None = None
) -> AsyncIterator[tuple[PeerServer, int]]:
    failures: list[BaseException] = []
    tasks = Tasks(on_failure=lambda _name, error: failures.append(error))
    server = PeerServer(identity, on_link, gate_limits=gate, link_limits=limits, tasks=tasks)
    server.open([("127.0.0.1", 0)])
    try:
        yield server, server.addresses[0][1]
    finally:
        await server.close()
    assert failures == []
    assert server.counts().open == 0


@pytest.fixture
async def link_to(identity: Callable[[int], NodeIdentity]) -> AsyncIterator[Callable[..., Awaitable[Link]]]:
    made: list[Link] = []

    async def connect(port: int, limits: LinkLimits | None = None) -> Link:
        made.append(await dial(identity(2), "127.0.0.1", port, identity(1).node_id, limits=limits))
        return made[-1]

    yield connect
    for link in made:
        link.abort("end of test")
        await link.wait_closed()


@asynccontextmanager
async def raw(identity: Callable[[int], NodeIdentity], port: int) -> AsyncIterator[asyncio.StreamWriter]:
    """A peer with a good key that writes what it likes."""
    context = make_context(identity(2), "client", identity(1).node_id)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="")
    try:
        yield writer
        await asyncio.gather(reader.read(), return_exceptions=True)
    finally:
        writer.transport.abort()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def test_frames_of_every_size_cross_whole(
    identity: Callable[[int], NodeIdentity], link_to: Callable[..., Awaitable[Link]]
) -> None:
    async with server_of(identity(1), echo) as (_server, port):
        link = await link_to(port)
        sizes = (1, 3, 4, 5, 16_384, 65_536, 200_000, 262_144)
        for size in sizes:
            frame = bytes([size % 251]) * size
            sending = asyncio.gather(link.send(frame))
            assert await link.receive() == frame
            await sending
        assert link.bytes_in == link.bytes_out == sum(sizes) + 4 * len(sizes)
        assert link.peer_node_id == identity(1).node_id
        assert link.peer_address == ("127.0.0.1", port)
        assert link.opened_by_us
        assert "opened by us" in repr(link)


async def test_the_accepting_side_knows_who_came(
    identity: Callable[[int], NodeIdentity], link_to: Callable[..., Awaitable[Link]]
) -> None:
    came: asyncio.Queue[Link] = asyncio.Queue()

    async def serve(link: Link) -> None:
        came.put_nowait(link)
        await echo(link)

    async with server_of(identity(1), serve) as (_server, port):
        link = await link_to(port)
        theirs = await came.get()
        assert theirs.peer_node_id == identity(2).node_id
        assert theirs.peer_address[0] == "127.0.0.1"
        assert theirs.local_address == "127.0.0.1"
        assert not theirs.opened_by_us
        link.close("done")
        await theirs.wait_closed()
        assert theirs.closed_because == "the other hub ended the link"


async def test_a_receive_that_was_cancelled_loses_no_byte(
    identity: Callable[[int], NodeIdentity],
) -> None:
    got: asyncio.Queue[bytes] = asyncio.Queue()
    began = asyncio.Event()

    async def serve(link: Link) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):  # the length comes at once, the rest when this is over
                await link.receive()
        assert link.bytes_in == 6
        began.set()
        got.put_nowait(await link.receive())

    async with server_of(identity(1), serve) as (_server, port), raw(identity, port) as writer:
        writer.write(b"\x00\x00\x00\x04ab")
        await began.wait()
        writer.write(b"cd")
        assert await got.get() == b"abcd"


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"\x00\x04\x00\x01", "link.oversize_frame"),
        (b"\xff\xff\xff\xff" + b"x" * 100, "link.oversize_frame"),
        (b"GET / HTTP/1.1\r\n", "link.oversize_frame"),
        (b"\x00\x00\x00\x00", "link.empty_frame"),
        (b"\x00\x00\x00\x05abc", "link.truncated"),
        (b"\x00\x00\x00\x05", "link.truncated"),
        (b"\x00\x00", "link.truncated"),
        (b"", "link.closed"),
        (b"\x00\x00\x00\x01x", "link.closed"),
    ],
)
async def test_bad_framing_costs_the_link_and_nothing_else(
    sent: bytes, code: str, identity: Callable[[int], NodeIdentity], link_to: Callable[..., Awaitable[Link]]
) -> None:
    errors: asyncio.Queue[RemoteError] = asyncio.Queue()

    async def serve(link: Link) -> None:
        try:
            await echo(link)
        except RemoteError as error:
            errors.put_nowait(error)
            raise

    async with server_of(identity(1), serve) as (_server, port):
        good = await link_to(port)
        async with raw(identity, port) as bad:
            bad.write(sent)
            bad.close()
            error = await errors.get()
        assert error.code == code
        assert isinstance(error, LinkClosedError if code == "link.closed" else LinkError)
        await good.send(b"still here")
        assert await good.receive() == b"still here"


async def test_frames_that_are_here_come_together_and_what_is_wrong_behind_them_comes_last(
    identity: Callable[[int], NodeIdentity],
) -> None:
    taken: asyncio.Queue[object] = asyncio.Queue()

    async def serve(link: Link) -> None:
        assert link.receive_more(100) == []
        taken.put_nowait(await link.receive())
        taken.put_nowait(link.receive_more(0))
        taken.put_nowait(link.receive_more(3))
        taken.put_nowait(link.receive_more(100))
        try:
            await link.receive()
        except RemoteError as error:
            taken.put_nowait(error.code)
            raise

    async with server_of(identity(1), serve) as (_server, port), raw(identity, port) as writer:
        frames = (b"a", b"bb", b"cc", b"dd", b"e")
        writer.write(b"".join(len(frame).to_bytes(4, "big") + frame for frame in frames) + bytes(4))
        got = [await taken.get() for _ in range(5)]
        assert got == [b"a", [], [b"bb", b"cc"], [b"dd", b"e"], "link.empty_frame"]


async def test_an_oversize_frame_is_refused_before_it_is_read(identity: Callable[[int], NodeIdentity]) -> None:
    ended: asyncio.Queue[int] = asyncio.Queue()

    async def serve(link: Link) -> None:
        try:
            await link.receive()
        finally:
            ended.put_nowait(link.bytes_in)

    async with server_of(identity(1), serve) as (_server, port), raw(identity, port) as writer:
        writer.write(b"\x7f\xff\xff\xff")
        assert await ended.get() == 4


async def test_a_dripping_frame_costs_the_link(identity: Callable[[int], NodeIdentity]) -> None:
    errors: asyncio.Queue[RemoteError] = asyncio.Queue()

    async def serve(link: Link) -> None:
        try:
            await link.receive()
        except RemoteError as error:
            errors.put_nowait(error)

    limits = LinkLimits(frame_s_max=0.05)
    async with server_of(identity(1), serve, limits=limits) as (_server, port), raw(identity, port) as writer:
        writer.write(b"\x00\x00\x00\x05a")
        assert (await errors.get()).code == "link.slow_frame"


async def test_a_peer_that_does_not_read_costs_bounded_memory_and_then_its_link(
    identity: Callable[[int], NodeIdentity], link_to: Callable[..., Awaitable[Link]]
) -> None:
    never = asyncio.Event()

    async def serve(_link: Link) -> None:
        await never.wait()

    async with server_of(identity(1), serve) as (_server, port):
        limits = LinkLimits(send_s_max=0.3)
        link = await link_to(port, limits)
        frame = bytes(limits.frame_bytes_max)
        seen_max = 0

        async def send_much() -> None:
            nonlocal seen_max
            for _number in range(80):  # 5 × 20 MiB: more than the kernel's buffers take
                await link.send(frame)
                seen_max = max(seen_max, link.buffered_bytes)

        sending = await asyncio.gather(*(send_much() for _number in range(5)), return_exceptions=True)
        assert {type(one) for one in sending} == {LinkClosedError}
        assert link.closed_because == "the other hub took nothing for 0.3 s"
        assert seen_max <= 2 * len(frame)
        with pytest.raises(LinkClosedError):
            await link.send(b"x")
        never.set()


async def test_a_slow_reader_slows_the_sender_and_gets_everything(
    identity: Callable[[int], NodeIdentity], link_to: Callable[..., Awaitable[Link]]
) -> None:
    go_on = asyncio.Event()
    total: asyncio.Queue[int] = asyncio.Queue()

    async def serve(link: Link) -> None:
        await go_on.wait()
        total.put_nowait(sum([len(await link.receive()) for _number in range(40)]))

    async with server_of(identity(1), serve) as (_server, port):
        link = await link_to(port)
        frame = bytes(262_144)
        sent = 0

        async def send_all() -> None:
            nonlocal sent
            for _number in range(40):
                await link.send(frame)
                sent += 1

        sending = asyncio.get_running_loop().create_task(send_all())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await asyncio.shield(sending)
        assert sent < 40
        go_on.set()
        await sending
        assert await total.get() == 40 * len(frame)


@pytest.mark.parametrize("size", [0, 262_145])
async def test_a_frame_that_the_other_side_would_refuse_is_our_mistake(
    size: int, identity: Callable[[int], NodeIdentity], link_to: Callable[..., Awaitable[Link]]
) -> None:
    async with server_of(identity(1), echo) as (_server, port):
        link = await link_to(port)
        with pytest.raises(LocalError):
            await link.send(bytes(size))
        await link.send(b"fine")
        assert await link.receive() == b"fine"


@pytest.mark.parametrize("error", [MessageError("message.bad", "planted"), OSError(5, "planted"), None])
async def test_what_a_callback_raises_costs_its_link_alone(
    error: Exception | None, identity: Callable[[int], NodeIdentity], link_to: Callable[..., Awaitable[Link]]
) -> None:
    async def serve(link: Link) -> None:
        if await link.receive() == b"bad":
            if error is not None:
                raise error
            return
        await echo(link)

    async with server_of(identity(1), serve) as (_server, port):
        good, bad = await link_to(port), await link_to(port)
        await good.send(b"good")
        await bad.send(b"bad")
        with pytest.raises(LinkClosedError):
            await bad.receive()
        await good.send(b"still here")
        assert await good.receive() == b"still here"


async def test_a_peer_that_says_nothing_is_closed_by_the_gate_and_one_that_spoke_is_not(
    identity: Callable[[int], NodeIdentity], link_to: Callable[..., Awaitable[Link]]
) -> None:
    async with server_of(identity(1), echo, GateLimits(first_head_s=0.5)) as (server, port):
        speaking = await link_to(port)
        await speaking.send(b"hello")
        assert await speaking.receive() == b"hello"
        silent = await link_to(port)
        with pytest.raises(LinkClosedError):
            await silent.receive()
        assert server.counts().timed_out == 1
        await speaking.send(b"again")
        assert await speaking.receive() == b"again"


async def test_the_fifth_link_of_an_address_is_refused(
    identity: Callable[[int], NodeIdentity], link_to: Callable[..., Awaitable[Link]]
) -> None:
    async with server_of(identity(1), echo) as (server, port):
        for _number in range(4):
            link = await link_to(port)
            await link.send(b"x")
            await link.receive()
        with pytest.raises(RemoteError):
            await link_to(port)
        assert server.counts().refused_address == 1


async def test_closing_the_server_ends_its_links(
    identity: Callable[[int], NodeIdentity], link_to: Callable[..., Awaitable[Link]]
) -> None:
    async with server_of(identity(1), echo) as (server, port):
        link = await link_to(port)
        await link.send(b"x")
        await link.receive()
        await server.close()
        with pytest.raises(LinkClosedError):
            await link.receive()
        assert "PeerServer" in repr(server)


LOW, HIGH = b"\x01" * 32, b"\x02" * 32
