"""Sockets as the gate and the links want them: listeners, keep-alive, and a socket that tells when it closes.

Comes in: hosts, ports, paths. Goes out: non-blocking sockets. Who calls: the daemon and `peer_server.py` open
listeners, `gate.py` wraps what it accepts, `dialing.py` tunes what it dials.
"""

import contextlib
import errno
import logging
import os
import socket
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

logger = logging.getLogger(__name__)

BACKLOG = 64  # connections that the kernel holds before we accept; the gate refuses at once, so few wait

# A partition shows as silence. Half a minute of it ends the link, so that a new dial can begin.
UNACKNOWLEDGED_MS_MAX = 30_000
KEEP_ALIVE_IDLE_S = 20
KEEP_ALIVE_INTERVAL_S = 5
KEEP_ALIVE_PROBES = 3
# Handshakes and hellos are a packet at a time. Where packets are lost, each is sent again six times at one pace, not
# each time twice as late; after that, since Linux 6.15, every second. BBR heeds only the latter, CUBIC both.
_CONGESTION_CONTROL = b"cubic"  # of most systems anyway
_THIN_LINEAR_TIMEOUTS = 16  # TCP_THIN_LINEAR_TIMEOUTS of linux/tcp.h
_REPEAT_MS_MAX = 44  # TCP_RTO_MAX_MS, likewise
REPEAT_MS_MAX = 1_000  # the least that it takes


class ListenError(OSError):
    """A listener could not be opened; the message says which and what to do."""


class ToldSocket(socket.socket):
    """A socket that calls `on_close` once, just before its descriptor is given back.

    The event loop's transports close their socket when, and only when, the connection is over. So what is
    counted with it is exactly what a cap on connections must count: descriptors.
    """

    on_close: Callable[[int], None] | None = None

    @classmethod
    def take(cls, plain: socket.socket, on_close: Callable[[int], None]) -> "ToldSocket":
        """Take over the descriptor of `plain`, which is empty afterwards."""
        told = cls(plain.family, plain.type, plain.proto, fileno=plain.detach())
        told.setblocking(False)
        told.on_close = on_close
        return told

    def close(self) -> None:
        """Tell, then close."""
        on_close, self.on_close = self.on_close, None
        if on_close is not None:
            on_close(self.fileno())
        super().close()


def open_listeners(addresses: Sequence[tuple[str, int]]) -> list[socket.socket]:
    """Open a listening socket for every (numeric host, port); port 0 lets the system choose.

    Where `::` is asked for beside others and the machine has no IPv6, that one is left out. Anything else
    that fails closes what was opened and raises `ListenError`.
    """
    listeners: list[socket.socket] = []
    try:
        for host, port in addresses:
            try:
                listeners.append(_open_listener(host, port))
            except OSError as error:
                if host == "::" and len(addresses) > 1 and error.errno in _NO_SUCH_FAMILY:
                    logger.info("no IPv6 on this machine: listening on port %d for IPv4 alone", port)
                    continue
                raise ListenError(error.errno, _listen_hint(host, port, error)) from error
    except BaseException:
        for listener in listeners:
            listener.close()
        raise
    return listeners


def open_unix_listener(path: Path, mode: int = 0o600) -> socket.socket:
    """Open a listening Unix socket that only those whom `mode` lets in can reach.

    A file left by an earlier run is replaced; a socket on which somebody listens, or a file that is no
    socket, raises `ListenError`.
    """
    _remove_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Before bind: on Linux the file is then made with these rights, and is never open to more, not for a
        # moment.
        os.fchmod(listener.fileno(), mode)
        listener.bind(str(path))
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise ListenError(error.errno, f"cannot listen on {path}: {error.strerror or error}") from error
    return listener


def tune(connection: socket.socket) -> None:
    """Let a TCP connection notice within half a minute that the other side is gone, and live with lost packets."""
    if connection.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEP_ALIVE_IDLE_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEP_ALIVE_INTERVAL_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEP_ALIVE_PROBES)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS_MAX)
    connection.setsockopt(socket.IPPROTO_TCP, _THIN_LINEAR_TIMEOUTS, 1)
    for option, value in ((socket.TCP_CONGESTION, _CONGESTION_CONTROL), (_REPEAT_MS_MAX, REPEAT_MS_MAX)):
        with contextlib.suppress(OSError):  # of a system that does not know it
            connection.setsockopt(socket.IPPROTO_TCP, option, value)


_NO_SUCH_FAMILY = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})


def _open_listener(host: str, port: int) -> socket.socket:
    family, kind, protocol, _name, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICHOST
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # One family a socket: the same on every system, and addresses are never IPv4 dressed as IPv6.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _listen_hint(host: str, port: int, error: OSError) -> str:
    hints = {
        errno.EADDRINUSE: "another program uses this port: stop it or configure another port",
        errno.EACCES: "this port needs more rights: choose one above 1023",
        errno.EADDRNOTAVAIL: "this machine does not have this address",
    }
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    hint = hints.get(error.errno or 0, error.strerror or str(error))
    return f"cannot listen on {where}: {hint}"


def _remove_stale(path: Path) -> None:
    try:
        is_socket = stat.S_ISSOCK(path.lstat().st_mode)
    except FileNotFoundError:
        return
    if not is_socket:
        raise ListenError(errno.EEXIST, f"cannot listen on {path}: a file that is no socket is in the way")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
            return
        except OSError as error:
            raise ListenError(error.errno, f"cannot listen on {path}: {error.strerror or error}") from error
    raise ListenError(errno.EADDRINUSE, f"cannot listen on {path}: another program listens there")
