import asyncio
import errno
import socket
from collections.abc import Callable

import pytest

from hartig_node.net import names
from hartig_node.net.certificates import NodeIdentity
from hartig_node.net.dialing import BESIDE_MAX, DialError, dial, probe
from hartig_node.net.links import Link, LinkClosedError
from hartig_node.net.names import NameLookupError, resolve
from hartig_node.net.peer_server import PeerServer
from hartig_node.tasks import Tasks

NEVER_S = 3600.0

pytestmark = pytest.mark.usefixtures("patience")


async def test_a_probe_reads_who_is_there_and_sends_nothing(identity: Callable[[int], NodeIdentity]) -> None:
    ended: asyncio.Queue[tuple[int, type[Exception]]] = asyncio.Queue()

    async def serve(link: Link) -> None:
        try:
            await link.receive()
        except LinkClosedError as error:
            ended.put_nowait((link.bytes_in, type(error)))

    server = PeerServer(identity(1), serve)
    server.open([("127.0.0.1", 0)])
    assert await probe(identity(2), "127.0.0.1", server.addresses[0][1]) == identity(1).node_id
    assert await ended.get() == (0, LinkClosedError)
    await server.close()


async def test_a_dial_says_why_it_came_to_nothing(identity: Callable[[int], NodeIdentity]) -> None:
    async def failure(host: str, port: int, expected: bytes, timeout_s: float = 5.0) -> str:
        with pytest.raises(DialError) as caught:
            await dial(identity(2), host, port, expected, timeout_s)
        return caught.value.code

    async def serve(link: Link) -> None:
        await link.receive()

    server = PeerServer(identity(1), serve)
    server.open([("127.0.0.1", 0)])
    assert await failure("127.0.0.1", server.addresses[0][1], identity(3).node_id) == "dial.refused_peer"
    await server.close()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert await failure("127.0.0.1", port, identity(1).node_id, 0.05) == "dial.timeout"
    assert await failure("127.0.0.1", port, identity(1).node_id) == "dial.unreachable"
    assert await failure("fe80::1%nowhere", 1, identity(1).node_id) == "dial.no_interface"

    async def speak_otherwise(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0\r\n")
        writer.close()
        await writer.wait_closed()

    web = await asyncio.start_server(speak_otherwise, "127.0.0.1", 0)
    assert await failure("127.0.0.1", web.sockets[0].getsockname()[1], identity(1).node_id) == "dial.handshake"
    web.close()
    await web.wait_closed()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('10.0.0.1', 4279)"), "no hub runs on it"),
        (OSError(errno.EHOSTUNREACH, "Connect call failed ('10.0.0.1', 4279)"), "no machine answers"),
        (OSError(errno.ENETUNREACH, "Connect call failed ('10.0.0.1', 4279)"), "not on the network"),
        (OSError(errno.EMFILE, "whatever"), "cannot connect: Too many open files"),
        (ConnectionResetError(), "cannot connect"),
    ],
)
async def test_why_there_is_no_connection_is_said_in_words_and_without_the_address(
    identity: Callable[[int], NodeIdentity], monkeypatch: pytest.MonkeyPatch, error: OSError, words: str
) -> None:
    async def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr("hartig_node.net.dialing._connect_to", fails)
    with pytest.raises(DialError, match=words) as caught:
        await dial(identity(2), "127.0.0.1", 1, identity(1).node_id)
    assert "10.0.0.1" not in str(caught.value)
    assert caught.value.code == "dial.unreachable"


@pytest.mark.parametrize("number", [errno.EAFNOSUPPORT, errno.EMFILE])
async def test_a_machine_that_makes_no_socket_says_so_like_any_other_trouble(
    identity: Callable[[int], NodeIdentity], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    class NoSocket(socket.socket):
        def __init__(self, *_: object) -> None:
            raise OSError(number, "no socket")

    monkeypatch.setattr("hartig_node.net.dialing.socket.socket", NoSocket)
    with pytest.raises(DialError) as caught:
        await dial(identity(2), "127.0.0.1", 1, identity(1).node_id)
    assert caught.value.code == "dial.unreachable"


async def test_how_long_a_connection_may_take_is_the_callers_choice(
    identity: Callable[[int], NodeIdentity], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(_connection: socket.socket, _address: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", never)
    with pytest.raises(DialError, match="in time"):
        await dial(identity(2), "127.0.0.1", 1, identity(1).node_id, NEVER_S, connect_s=0.01)
    with pytest.raises(DialError, match="in time"):
        await probe(identity(2), "127.0.0.1", 1, 0.01)


async def test_a_connection_whose_first_packet_is_lost_is_begun_again_beside_itself(
    identity: Callable[[int], NodeIdentity], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def serve(link: Link) -> None:
        await link.receive()

    loop = asyncio.get_running_loop()
    connect, begun = loop.sock_connect, list[socket.socket]()

    async def connect_the_last(connection: socket.socket, address: object) -> None:
        begun.append(connection)
        if len(begun) < BESIDE_MAX:
            await asyncio.Event().wait()
        await connect(connection, address)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "sock_connect", connect_the_last)
    server = PeerServer(identity(1), serve)
    server.open([("127.0.0.1", 0)])
    link = await dial(identity(2), *server.addresses[0], identity(1).node_id, beside_s=0.0)
    assert [one.fileno() == -1 for one in begun] == [True] * (BESIDE_MAX - 1) + [False]
    link.close("done")
    await link.wait_closed()
    await server.close()
    assert server.counts().accepted == 1


async def test_connections_that_hang_are_bounded_and_leave_nothing_behind(
    identity: Callable[[int], NodeIdentity], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[socket.socket] = []

    async def never(connection: socket.socket, _address: object) -> None:
        begun.append(connection)
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", never)
    tasks = Tasks()
    tasks.start(dial(identity(2), "127.0.0.1", 1, identity(1).node_id, NEVER_S, beside_s=0.0), "hangs")
    while len(begun) < BESIDE_MAX:  # noqa: ASYNC110
        await asyncio.sleep(0)
    for _ in range(100):
        await asyncio.sleep(0)
    await tasks.close()
    assert [one.fileno() for one in begun] == [-1] * BESIDE_MAX


async def test_a_refusal_needs_no_second_opinion(
    identity: Callable[[int], NodeIdentity], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[socket.socket] = []

    async def refused(connection: socket.socket, _address: object) -> None:
        begun.append(connection)
        raise ConnectionRefusedError(errno.ECONNREFUSED, "planted")

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", refused)
    with pytest.raises(DialError, match="no hub runs"):
        await dial(identity(2), "127.0.0.1", 1, identity(1).node_id)
    assert [one.fileno() for one in begun] == [-1]


async def test_a_name_is_looked_up_and_each_of_its_addresses_tried(
    identity: Callable[[int], NodeIdentity], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def serve(link: Link) -> None:
        await link.receive()

    def answer(host: str, port: int, **_: object) -> list[object]:
        assert host == "hub.example"
        found = [(socket.AF_INET, f"127.0.0.{number}") for number in (77, 1)]
        return [(family, socket.SOCK_STREAM, 6, "", (address, port)) for family, address in found]

    monkeypatch.setattr(names.socket, "getaddrinfo", answer)
    server = PeerServer(identity(1), serve)
    server._gate.open([socket.create_server(("127.0.0.1", 0))])
    server._gate._listeners[0].setblocking(False)
    link = await dial(identity(2), "hub.example", server.addresses[0][1], identity(1).node_id)
    assert link.peer_address[0] == "127.0.0.1"
    link.close("done")
    await link.wait_closed()
    await server.close()


async def test_a_name_that_nobody_knows_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(names.socket, "getaddrinfo", fail)
    with pytest.raises(NameLookupError, match=r"no address found for 'nobody\.example'"):
        await resolve("nobody.example", 1)
    with pytest.raises(NameLookupError, match="no address found"):
        await resolve("a" * 70 + ".example", 1)


async def test_name_servers_that_hang_delay_no_address_and_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    answer_now = threading.Event()

    def hang(_host: str, port: int, **_: object) -> list[object]:
        answer_now.wait()
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(names.socket, "getaddrinfo", hang)
    loop = asyncio.get_running_loop()
    waiting = [loop.create_task(resolve(f"slow-{number}.example", 1)) for number in range(names.LOOKUPS_MAX)]
    given_up = waiting.pop()
    await asyncio.sleep(0)
    with pytest.raises(NameLookupError) as caught:
        await resolve("one-more.example", 1)
    assert caught.value.code == "dial.name_busy"
    assert [one.address for one in await resolve("127.0.0.1", 5)] == [("127.0.0.1", 5)]
    given_up.cancel()
    answer_now.set()
    for found in await asyncio.gather(*waiting):
        assert [one.address for one in found] == [("127.0.0.1", 1)]
    await asyncio.gather(given_up, return_exceptions=True)


@pytest.mark.parametrize(
    ("host", "family", "address"),
    [
        ("10.0.0.1", socket.AF_INET, ("10.0.0.1", 7)),
        ("fd00::1", socket.AF_INET6, ("fd00::1", 7, 0, 0)),
        ("fe80::1%lo", socket.AF_INET6, ("fe80::1", 7, 0, 1)),
        ("fe80::1%1", socket.AF_INET6, ("fe80::1", 7, 0, 1)),
    ],
)
async def test_addresses_need_no_name_server(
    host: str, family: int, address: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names.threading, "Thread", None)
    (endpoint,) = await resolve(host, 7)
    assert (endpoint.family, endpoint.address) == (family, address)
