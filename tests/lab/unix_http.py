"""One HTTP request over a Unix socket, as the command line makes it: its file is visible in every namespace.

`lab.hosts.Lab.http` calls it. The standard library's client blocks, so it runs in a thread; when time is over
its socket is shut, which ends the thread too.
"""

import asyncio
import http.client
import json
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

# The longest answer a test asks for is a list of thousands of records; this is ten times that.
BODY_BYTES_MAX = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, whole."""

    status: int
    headers: Message
    body: bytes

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            AssertionError: it is not; with status and body.
        """
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise AssertionError(f"status {self.status} without JSON: {self.body[:2000]!r}") from error


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path
        # The base class forgets its socket once an answer's head is here, while its body still comes.
        self._kept = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def connect(self) -> None:
        self.sock = self._kept
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))

    def close(self) -> None:
        super().close()
        self._kept.close()

    def give_up(self) -> None:
        """Wake the thread that waits on this connection; closing alone would leave it waiting."""
        with suppress(OSError):
            self._kept.shutdown(socket.SHUT_RDWR)


async def request(
    path: Path, method: str, target: str, *,
    body: bytes | None, headers: Mapping[str, str], timeout_s: float,
) -> Response:  # fmt: skip
    """Send one request to the server at the socket file `path` and return its whole answer.

    Raises:
        OSError: nobody listens there, or the connection broke.
        TimeoutError: no whole answer in time.
    """
    connection = _UnixConnection(path, timeout_s)
    try:
        async with asyncio.timeout(timeout_s):
            return await asyncio.to_thread(_exchange, connection, method, target, body, dict(headers))
    finally:
        connection.give_up()


def _exchange(
    connection: _UnixConnection, method: str, target: str, body: bytes | None, headers: dict[str, str]
) -> Response:
    try:
        connection.request(method, target, body=body, headers=headers)
        answer = connection.getresponse()
        content = answer.read(BODY_BYTES_MAX + 1)
    finally:
        connection.close()
    assert len(content) <= BODY_BYTES_MAX, f"{method} {target} answered more than {BODY_BYTES_MAX} bytes"
    return Response(answer.status, answer.headers, content)
