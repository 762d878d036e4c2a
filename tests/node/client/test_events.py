from itertools import islice

import pytest

from hartig_node.client import AnswerError, Node, UnreachableError
from node.client.fake_node import FakeNode

STREAM = {"Content-Type": "text/event-stream"}


def test_events_are_read_whole_and_heartbeats_passed_over(node: Node, fake: FakeNode) -> None:
    fake.plan(
        200, b': hello\n\nid: 7\nevent: post.added\ndata: {"a":\ndata: 1}\r\n\n: beat\n\nid: 8\ndata: 2\n\n', STREAM
    )
    first, second = islice(node.events(), 2)
    assert first == (7, "post.added", {"a": 1})
    assert second == (8, "message", 2)


def test_a_stream_that_ends_is_opened_again_after_the_last_event(
    node: Node, fake: FakeNode, waited: list[float]
) -> None:
    fake.plan(200, b"id: 7\ndata: 1\n\nid: 8\ndata: 2", STREAM)  # the second one broke off
    fake.plan(200, b"id: 8\ndata: 2\n\n", STREAM)
    assert [event.number for event in islice(node.events(after=6), 2)] == [7, 8]
    assert [request.headers["Last-Event-ID"] for request in fake.requests] == ["6", "7"]
    assert waited == [2.0]


def test_a_stream_that_never_says_anything_is_given_up(node: Node, fake: FakeNode) -> None:
    for _ in range(10):
        fake.plan(200, b"", STREAM)
    with pytest.raises(UnreachableError):
        next(node.events())


def test_an_event_without_json_or_without_end_is_an_error(node: Node, fake: FakeNode) -> None:
    fake.plan(200, b"data: {\n\n", STREAM)
    with pytest.raises(AnswerError, match="no JSON"):
        next(node.events())
    fake.plan(200, b"data: " + b"x" * 70_000, STREAM)
    with pytest.raises(AnswerError, match="more than"):
        next(node.events())
