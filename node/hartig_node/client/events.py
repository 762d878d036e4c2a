"""Server-sent events as the node writes them: a stream of lines in, `Event`s out.

The stream is opened again after the last number when it breaks, so nothing is lost and nothing comes twice.
Format: WHATWG HTML, section 9.2.6. Who calls: `Node.events`.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from hartig_node.client.errors import AnswerError, UnreachableError
from hartig_node.client.transport import Stream, Transport, wait_s

LINE_BYTES_MAX = 64 * 1024  # an event is some hundred bytes
REOPENED_MAX = 5  # in a row, with nothing heard in between
REOPEN_S = 2.0


class Event(NamedTuple):
    """Something that happened: `number` orders all events of a node, `value` is what `node/API.md` says of `name`."""

    number: int | None
    name: str
    value: Any


def follow(transport: Transport, after: int | None, patience_s: float) -> Iterator[Event]:
    """Yield events without end. `patience_s`: silence after which the stream is opened again (heartbeats count)."""
    failures = 0
    while True:
        try:
            stream = _open(transport, after, patience_s)
            try:
                for event in parse(stream):
                    failures = 0
                    after = event.number if event.number is not None else after
                    yield event
            finally:
                stream.close()
            failures += 1
        except UnreachableError:
            failures += 1
            if failures > REOPENED_MAX:
                raise
        if failures > REOPENED_MAX:
            raise UnreachableError("the hub ends the stream of events again and again")
        wait_s(REOPEN_S * failures)


def _open(transport: Transport, after: int | None, patience_s: float) -> Stream:
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    return transport.stream("/api/v1/events", {}, headers, patience_s)


def parse(stream: Stream) -> Iterator[Event]:
    """Yield the whole events of one stream; one that broke off is dropped."""
    number, name, data = None, "message", list[str]()
    while raw := stream.readline(LINE_BYTES_MAX):
        if not raw.endswith(b"\n"):
            if len(raw) >= LINE_BYTES_MAX:
                raise AnswerError(f"an event has a line of more than {LINE_BYTES_MAX} bytes")
            return
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        if not line:
            if data:
                yield Event(number, name, _value("\n".join(data)))
            number, name, data = None, "message", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "id":
            number = int(value) if value.isdecimal() else None
        elif field == "event":
            name = value
        elif field == "data":
            data.append(value)


def _value(data: str) -> Any:
    try:
        return json.loads(data)
    except ValueError as error:
        raise AnswerError(f"an event holds no JSON: {data[:80]!r}") from error
