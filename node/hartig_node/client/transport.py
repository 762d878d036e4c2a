"""One HTTP exchange with a node, over its Unix socket or over TCP, by the standard library alone.

In: method, path, query, a JSON value. Out: an `Answer`, or an error of `errors.py`. A connection is kept open between
requests; a request that changes nothing, or is done once whatever comes (`Idempotency-Key`), is tried once more when
the kept connection turned out dead.
"""

import contextlib
import http.client
import json
import os
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Self
from urllib.parse import quote, urlencode, urlsplit

from hartig_node.client.errors import AnswerError, ClientError, UnreachableError, problem_error
from hartig_node.client.places import Place

ANSWER_BYTES_MAX = 16 * 1024 * 1024  # 200 posts of 16 KiB bodies are 4 MiB as JSON; room for escapes
TIMEOUT_S = 30.0  # a batch of 100 posts on a slow card takes seconds; nothing takes half a minute
PATH_BYTES_MAX = 107  # sockaddr_un, unix(7), less the final zero

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_REPEATABLE = ("GET", "HEAD")


class Answer(NamedTuple):
    """A good answer (2xx, or what was asked for): `value` is its JSON, None where there was none."""

    status: int
    headers: http.client.HTTPMessage
    value: Any


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Connect, also where the path is longer than a socket address may be."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        if len(os.fsencode(self._path)) <= PATH_BYTES_MAX:
            self.sock.connect(self._path)
            return
        folder, name = os.path.split(self._path)
        descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
        try:
            self.sock.connect(f"/proc/self/fd/{descriptor}/{name}")
        finally:
            os.close(descriptor)


class Transport:
    """A connection to one node; not for two threads at once."""

    def __init__(self, place: Place, timeout_s: float = TIMEOUT_S) -> None:
        self._place = place
        self._timeout_s = timeout_s
        self._base, self._open = _opener(place)
        self._connection: http.client.HTTPConnection | None = None

    def __repr__(self) -> str:
        return f"<Transport to {self.where}>"

    @property
    def where(self) -> str:
        """The address, for messages."""
        return self._place.url or self._place.socket_path

    def close(self) -> None:
        """Close the kept connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def request(
        self, method: str, path: str, query: Mapping[str, Any] | None = None, *,
        value: Any = None, headers: Mapping[str, str] | None = None, content_type: str = "application/json",
        accept_statuses: tuple[int, ...] = (),
    ) -> Answer:  # fmt: skip
        """Send one request and return the whole answer.

        Args:
            method: of HTTP.
            path: below the node's root, its segments already quoted (`segment`).
            query: parameters; those that are None are left out.
            value: sent as JSON, where it is not None.
            headers: further headers.
            content_type: of `value`.
            accept_statuses: further statuses whose answer is returned rather than raised.
        """
        body = None if value is None else json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
        sent = self._headers(headers)
        if body is not None:
            sent["Content-Type"] = content_type
        response = self._exchange(method, self._base + path + _query(query), body, sent)
        return self._read(response, accept_statuses)

    def stream(self, path: str, query: Mapping[str, Any], headers: Mapping[str, str], timeout_s: float) -> "Stream":
        """Open a stream of events on a connection of its own; lines are read with `timeout_s` of patience."""
        connection = self._open(timeout_s)
        try:
            sent = {**self._headers(headers), "Accept": "text/event-stream"}
            response = self._speak(connection, "GET", self._base + path + _query(query), None, sent)
            self._expect(response, "stream of events")
        except BaseException:
            connection.close()
            raise
        return Stream(connection, response)

    def download(self, path: str) -> "Download":
        """Open a long answer of bytes on a connection of its own."""
        connection = self._open(self._timeout_s)
        try:
            response = self._speak(connection, "GET", self._base + path, None, self._headers(None))
            self._expect(response, "file")
        except BaseException:
            connection.close()
            raise
        return Download(connection, response)

    def upload(self, path: str, pieces: Iterable[bytes], length: int) -> Answer:
        """Send a long body of so many bytes on a connection of its own; return the whole answer."""
        connection = self._open(self._timeout_s)
        headers = self._headers({"Content-Type": "application/octet-stream", "Content-Length": str(length)})
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it has said why before it hung up
                self._begin(connection, self._base + path, headers)
                for piece in pieces:
                    connection.send(piece)
            return self._read(self._answer(connection))
        except OSError as error:
            raise UnreachableError(f"the connection to {self.where} broke off", "try again") from error
        finally:
            connection.close()

    def _begin(self, connection: http.client.HTTPConnection, target: str, headers: dict[str, str]) -> None:
        try:
            connection.connect()
        except OSError as error:
            raise self._unreachable(error) from error
        connection.putrequest("POST", target)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()

    def _expect(self, response: http.client.HTTPResponse, what: str) -> None:
        if response.status != 200:
            self._read(response)
            raise AnswerError(f"{self.where} gives no {what} (status {response.status})")

    def _headers(self, headers: Mapping[str, str] | None) -> dict[str, str]:
        sent = {"Accept": "application/json", "User-Agent": "hartig-client", **(headers or {})}
        if self._place.token and self._place.url:
            sent["Authorization"] = f"Bearer {self._place.token}"
        return sent

    def _exchange(
        self, method: str, target: str, body: bytes | None, headers: dict[str, str]
    ) -> http.client.HTTPResponse:
        kept = self._connection
        if kept is not None:
            try:
                return self._speak(kept, method, target, body, headers)
            except UnreachableError:
                self.close()
                if method not in _REPEATABLE and "Idempotency-Key" not in headers:
                    raise
        self._connection = self._open(self._timeout_s)
        try:
            return self._speak(self._connection, method, target, body, headers)
        except ClientError:
            self.close()
            raise

    def _speak(
        self, connection: http.client.HTTPConnection, method: str, target: str,
        body: bytes | None, headers: dict[str, str],
    ) -> http.client.HTTPResponse:  # fmt: skip
        try:
            connection.request(method, target, body=body, headers=headers)
        except TimeoutError as error:
            raise UnreachableError(f"no answer from {self.where} in time", _HINT_LOG) from error
        except OSError as error:
            raise self._unreachable(error) from error
        return self._answer(connection)

    def _answer(self, connection: http.client.HTTPConnection) -> http.client.HTTPResponse:
        try:
            return connection.getresponse()
        except http.client.RemoteDisconnected as error:
            raise UnreachableError(f"the hub at {self.where} hung up without an answer", _HINT_LOG) from error
        except http.client.HTTPException as error:
            raise AnswerError(f"what answers at {self.where} does not speak HTTP: {error}") from error
        except TimeoutError as error:
            raise UnreachableError(f"no answer from {self.where} in time", _HINT_LOG) from error
        except OSError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: OSError) -> UnreachableError:
        if self._place.url:
            hint = "is the hub running there, and is the address right?"
            return UnreachableError(f"no hub answers at {self.where}: {error.strerror or error}", hint)
        if isinstance(error, PermissionError):
            hint = "run this as the user that runs the hub, or as root"
            return UnreachableError(f"this user may not speak to the hub at {self.where}", hint)
        folder = self._place.folder
        if isinstance(error, FileNotFoundError) and not os.path.isdir(folder):  # noqa: PTH112 - pathlib costs 10 ms
            hint = "start one with `hartig init`, or name another folder with --folder"
            return UnreachableError(f"there is no hub in {folder}", hint)
        return UnreachableError(f"no hub is running in {folder}", "start it with `hartig run`, or ask `hartig doctor`")

    def _read(self, response: http.client.HTTPResponse, accept_statuses: tuple[int, ...] = ()) -> Answer:
        try:
            content = response.read(ANSWER_BYTES_MAX + 1)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise UnreachableError(f"the answer of {self.where} broke off", "try again") from error
        if len(content) > ANSWER_BYTES_MAX:
            self.close()
            raise AnswerError(f"{self.where} answered with more than {ANSWER_BYTES_MAX} bytes")
        kind = (response.headers.get_content_type() or "").lower()
        value = self._decode(content, kind)
        if response.status < 300 or response.status in accept_statuses:
            return Answer(response.status, response.headers, value)
        problem = value if isinstance(value, dict) else {}
        raise problem_error(response.status, problem, response.headers.get("Retry-After"))

    def _decode(self, content: bytes, kind: str) -> Any:
        if not content:
            return None
        if kind != "application/json" and not kind.endswith("+json"):
            return content.decode("utf-8", "replace")
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            raise AnswerError(f"{self.where} answered with something that is no JSON: {content[:80]!r}") from error


class Download:
    """The bytes of one long answer."""

    def __init__(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> None:
        self._connection, self._response = connection, response

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._response.close()
        self._connection.close()

    def read(self, bytes_max: int) -> bytes:
        """Return the next bytes, b"" at the end; raises where the answer broke off before."""
        try:
            return self._response.read(bytes_max)
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError("the node's answer broke off", _HINT_LOG) from error


class Stream:
    """Lines of one long answer."""

    def __init__(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> None:
        self._connection, self._response = connection, response

    def readline(self, bytes_max: int) -> bytes:
        """Return the next line with its end, b"" once the node ended the stream."""
        try:
            return self._response.readline(bytes_max)
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError("the stream of events broke off", "open it again after the last id") from error

    def close(self) -> None:
        """Hang up."""
        self._response.close()
        self._connection.close()


_HINT_LOG = "look into the node's log, or ask `hartig doctor`"


def segment(text: str) -> str:
    """Return text as one segment of a path."""
    return quote(text, safe="")


def wait_s(seconds: float) -> None:
    """Wait as long as a busy node asked for, at most half a minute."""
    time.sleep(min(max(seconds, 0.1), TIMEOUT_S))


def _query(query: Mapping[str, Any] | None) -> str:
    given = {name: value for name, value in (query or {}).items() if value is not None}
    return "?" + urlencode(given) if given else ""


def _opener(place: Place) -> tuple[str, Callable[[float], http.client.HTTPConnection]]:
    """Return what goes before each path, and how to open a connection."""
    if place.url is None:
        path = place.socket_path
        return "", lambda timeout_s: UnixConnection(path, timeout_s)
    try:
        parts = urlsplit(place.url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ClientError(f"{place.url!r} is no address: {error}", _HINT_URL) from error
    if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment or parts.username:
        raise ClientError(f"{place.url!r} is no address of a node", _HINT_URL)
    if parts.scheme == "https":
        return parts.path.rstrip("/"), lambda timeout_s: http.client.HTTPSConnection(host, port, timeout=timeout_s)
    if place.token and host not in _LOOPBACK:
        hint = "take an https address, or a tunnel (ssh -L 4278:127.0.0.1:4278) to the machine of the node"
        raise ClientError(f"a token is not sent in the clear to {host}", hint)
    return parts.path.rstrip("/"), lambda timeout_s: http.client.HTTPConnection(host, port, timeout=timeout_s)


_HINT_URL = "it looks like http://127.0.0.1:4278"
