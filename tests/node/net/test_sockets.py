import asyncio
import contextlib
import socket
import stat
from pathlib import Path

import pytest

from hartig_node.net import sockets
from hartig_node.net.sockets import ListenError, ToldSocket, open_listeners, open_unix_listener, tune


def test_a_port_in_use_is_named_with_what_to_do() -> None:
    (first,) = open_listeners([("127.0.0.1", 0)])
    with first, pytest.raises(ListenError, match=r"127\.0\.0\.1:\d+: another program uses this port"):
        open_listeners([("127.0.0.1", first.getsockname()[1])])


def test_both_families_listen_on_one_port() -> None:
    (first,) = open_listeners([("0.0.0.0", 0)])
    port = first.getsockname()[1]
    (second,) = open_listeners([("::", port)])
    assert second.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    first.close()
    second.close()


def test_a_machine_without_ipv6_listens_on_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    real = sockets._open_listener

    def without_ipv6(host: str, port: int) -> socket.socket:
        if ":" in host:
            raise OSError(97, "Address family not supported by protocol")
        return real(host, port)

    monkeypatch.setattr(sockets, "_open_listener", without_ipv6)
    (only,) = open_listeners([("0.0.0.0", 0), ("::", 0)])
    assert only.family is socket.AF_INET
    only.close()
    with pytest.raises(ListenError):
        open_listeners([("::", 0)])


def test_an_address_of_another_machine_is_an_error_that_closes_the_rest() -> None:
    with pytest.raises(ListenError, match="does not have this address"):
        open_listeners([("127.0.0.1", 0), ("203.0.113.7", 0)])


def test_a_unix_socket_is_for_its_owner_alone_from_the_first_moment(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    with open_unix_listener(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_unix_socket_left_by_a_crash_is_replaced_and_a_live_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    open_unix_listener(path).close()
    assert path.exists()
    with open_unix_listener(path), pytest.raises(ListenError, match="another program listens"):
        open_unix_listener(path)


def test_a_file_in_the_way_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    path.write_text("notes")
    with pytest.raises(ListenError, match="no socket is in the way"):
        open_unix_listener(path)
    assert path.read_text() == "notes"


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ListenError, match="No such file"):
        open_unix_listener(tmp_path / "no" / "api.sock")


async def test_a_socket_tells_its_close_once_while_it_still_has_its_descriptor() -> None:
    ours, theirs = socket.socketpair()
    descriptor = ours.fileno()
    told: list[int] = []
    taken = ToldSocket.take(ours, told.append)
    assert ours.fileno() == -1
    transport, _protocol = await asyncio.get_running_loop().connect_accepted_socket(asyncio.Protocol, taken)
    transport.abort()
    for _turn in range(3):
        await asyncio.sleep(0)
    taken.close()
    assert told == [descriptor]
    theirs.close()


def test_tuning_leaves_unix_sockets_alone() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        tune(ours)
    with socket.socket() as tcp:
        tune(tcp)
        assert tcp.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000
        assert tcp.getsockopt(socket.IPPROTO_TCP, sockets._THIN_LINEAR_TIMEOUTS) == 1
        with contextlib.suppress(OSError):  # of a system that does not know it
            assert tcp.getsockopt(socket.IPPROTO_TCP, sockets._REPEAT_MS_MAX) == sockets.REPEAT_MS_MAX


def test_what_a_system_does_not_know_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "_CONGESTION_CONTROL", b"unheard of")
    monkeypatch.setattr(sockets, "_REPEAT_MS_MAX", 9_999)
    with socket.socket() as tcp:
        tune(tcp)
        assert tcp.getsockopt(socket.IPPROTO_TCP, sockets._THIN_LINEAR_TIMEOUTS) == 1
