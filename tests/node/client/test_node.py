import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from hartig_node.client import (
    AmbiguousIdError,
    AnswerError,
    BusyError,
    ChangedError,
    ClientError,
    DeniedError,
    Node,
    NotFoundError,
    Place,
    ProblemError,
    UnreachableError,
)
from hartig_node.client.transport import ANSWER_BYTES_MAX
from node.client.fake_node import FakeNode, post, problem

ONE, TWO = "1" * 32, "1" * 31 + "2"


def test_a_draft_is_published_and_comes_back_as_a_post(node: Node, fake: FakeNode) -> None:
    made = node.publish({"kind": "need", "category": "food", "title": {"ht": "Manje"}})
    assert made["title"] == {"ht": "Manje"}
    sent = fake.requests[0]
    assert (sent.method, sent.path, sent.headers["Content-Type"]) == ("POST", "/api/v1/posts", "application/json")
    assert sent.value["title"] == {"ht": "Manje"}


def test_pages_are_read_as_they_are_asked_for(node: Node, fake: FakeNode) -> None:
    fake.posts = [post(f"{number:032x}", "water") for number in range(450)]
    posts = node.posts()
    assert next(posts)["id"] == f"{0:032x}"
    assert len(fake.requests) == 1
    assert [one["id"] for one in posts] == [f"{number:032x}" for number in range(1, 450)]
    assert [request.query.get("cursor") for request in fake.requests] == [None, "200", "400"]


def test_a_limit_is_kept_and_filters_are_sent(node: Node, fake: FakeNode) -> None:
    fake.posts = [post(f"{number:032x}", "water") for number in range(10)]
    assert len(list(node.posts(limit=3, kind="need", area=None))) == 3
    assert fake.requests[0].query == {"kind": "need", "limit": "3"}


def test_a_list_without_end_is_an_error(node: Node, fake: FakeNode) -> None:
    for _ in range(2):
        fake.plan(200, {"items": [], "next": "same"})
    with pytest.raises(AnswerError, match="come to an end"):
        list(node.posts())


def test_words_go_to_the_search(node: Node, fake: FakeNode) -> None:
    fake.posts = [post(ONE, "water"), post(TWO, "bread")]
    assert [one["id"] for one in node.posts(q="bread")] == [TWO]
    assert fake.requests[0].path == "/api/v1/search"


def test_a_short_id_finds_its_post(node: Node, fake: FakeNode) -> None:
    fake.posts = [post("ab" * 16, "water"), post("cd" * 16, "bread", state="ended")]
    assert node.post("CDcdCDcd")["title"] == {"en": "bread"}


def test_a_short_id_of_several_posts_is_refused(node: Node, fake: FakeNode) -> None:
    fake.posts = [post(ONE, "water"), post(TWO, "bread")]
    with pytest.raises(AmbiguousIdError, match="2 posts"):
        node.post("11111111")


@pytest.mark.parametrize("wrong", ["", "123", "../status", "xyzxyzxy", "1" * 33])
def test_what_is_no_id_is_never_sent(node: Node, fake: FakeNode, wrong: str) -> None:
    with pytest.raises(ClientError, match="is no id"):
        node.post(wrong)
    assert fake.requests == []


def test_an_unknown_short_id_is_not_found(node: Node) -> None:
    with pytest.raises(NotFoundError, match="begins with 12345678"):
        node.withdraw("12345678")


def test_a_change_names_the_version_it_is_for(node: Node, fake: FakeNode) -> None:
    fake.posts = [post(ONE, "water")]
    node.revise(ONE, {"quantity": None, "urgency": "high"}, if_match='"v1"')
    sent = fake.requests[0]
    assert (sent.method, sent.path) == ("PATCH", f"/api/v1/posts/{ONE}")
    assert sent.headers["Content-Type"] == "application/merge-patch+json"
    assert sent.headers["If-Match"] == '"v1"'
    assert sent.value == {"quantity": None, "urgency": "high"}


def test_posts_are_renewed_and_withdrawn(node: Node, fake: FakeNode) -> None:
    fake.posts = [post(ONE, "water")]
    assert node.renew(ONE, days=3)["expires_at"].startswith("2026-12-31")
    assert fake.requests[-1].value == {"days": 3}
    assert node.withdraw(ONE)["state"] == "ended"


def test_a_batch_answers_for_each_draft_in_order(node: Node, fake: FakeNode) -> None:
    fake.bad_titles["bad"] = problem(422, "bad_draft", "no")
    good, bad = ({"kind": "need", "title": {"en": title}} for title in ("good", "bad"))
    results = node.publish_many([bad, good, bad])
    assert ["problem" in result for result in results] == [True, False, True]
    assert node.publish_many([good], dry_run=True) == [{"index": 0, "status": 200}]


@pytest.mark.parametrize("answer", [{"results": []}, {"results": [{"index": 7}]}, {"items": 1}, [], "x"])
def test_a_batch_that_is_answered_wrongly_is_an_error(node: Node, fake: FakeNode, answer: Any) -> None:
    fake.plan(200, answer)
    with pytest.raises(AnswerError):
        node.publish_many([{"kind": "need", "title": {"en": "x"}}])


@pytest.mark.parametrize(
    ("status", "code", "error_type"),
    [
        (401, "unauthorized", DeniedError),
        (403, "forbidden", DeniedError),
        (404, "not_found", NotFoundError),
        (409, "refused", ProblemError),
        (412, "precondition_failed", ChangedError),
        (422, "bad_draft", ProblemError),
        (500, "internal", ProblemError),
    ],
)
def test_problems_have_types(
    node: Node, fake: FakeNode, status: int, code: str, error_type: type[ProblemError]
) -> None:
    fake.plan(status, problem(status, code, "what", hint="do this", pointer="/title"))
    with pytest.raises(error_type) as caught:
        node.status()
    error = caught.value
    assert (error.status, error.code, error.detail, error.hint) == (status, code, "what", "do this")
    assert str(error) == "what (/title)"
    assert error.as_json()["pointer"] == "/title"


def test_not_being_the_author_is_no_matter_of_tokens(node: Node, fake: FakeNode) -> None:
    fake.plan(403, problem(403, "not_yours", "another hub posted this"))
    with pytest.raises(ProblemError) as caught:
        node.withdraw(ONE)
    assert not isinstance(caught.value, DeniedError)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"code": 7}'])
def test_a_refusal_without_a_problem_still_says_its_status(node: Node, fake: FakeNode, body: bytes) -> None:
    fake.plan(502, body, {"Content-Type": "text/html" if body == b"<html>" else "application/json"})
    with pytest.raises(ProblemError, match="status 502"):
        node.status()


def test_a_busy_node_is_asked_again_after_the_time_it_says(node: Node, fake: FakeNode, waited: list[float]) -> None:
    fake.plan(429, problem(429, "too_many", "wait"), {"Retry-After": "7"})
    assert node.status()["name"] == "Riverside"
    assert waited == [7.0]


def test_a_node_that_stays_busy_is_left_alone(node: Node, fake: FakeNode, waited: list[float]) -> None:
    for _ in range(5):
        fake.plan(429, problem(429, "too_many", "wait"))
    with pytest.raises(BusyError):
        node.status()
    assert len(waited) == 4


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[" * 100_000])
def test_json_that_is_none_is_an_error(node: Node, fake: FakeNode, body: bytes) -> None:
    fake.plan(200, body)
    with pytest.raises(AnswerError, match="no JSON"):
        node.status()


def test_an_answer_without_bound_is_cut(node: Node, fake: FakeNode) -> None:
    fake.plan(200, b" " * (ANSWER_BYTES_MAX + 1))
    with pytest.raises(AnswerError, match="more than"):
        node.status()


def test_a_list_that_is_none_is_an_error(node: Node, fake: FakeNode) -> None:
    fake.plan(200, {"items": "no"})
    with pytest.raises(AnswerError, match="list"):
        node.peers()


def test_a_question_is_asked_again_on_a_new_connection_and_a_change_is_not(node: Node, fake: FakeNode) -> None:
    node.status()
    fake.plan(0, b"")
    assert node.status()["name"] == "Riverside"
    fake.plan(0, b"")
    with pytest.raises(UnreachableError, match="hung up"):
        node.publish({"kind": "need", "title": {"en": "once"}})
    assert fake.posts == []


def test_nobody_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError) as caught:
        Node(Place(str(tmp_path / "none"))).status()
    assert "there is no hub in" in caught.value.detail
    assert "hartig init" in caught.value.hint
    with pytest.raises(UnreachableError) as caught:
        Node(Place(str(tmp_path))).status()
    assert "hartig run" in caught.value.hint


def test_a_socket_that_nobody_serves_any_more_is_unreachable(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "run" / "api.sock"))
    with pytest.raises(UnreachableError, match="no hub is running"):
        Node(Place(str(folder))).status()


def test_a_node_that_never_answers_is_given_up(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "run" / "api.sock"))
        listener.listen()
        with pytest.raises(UnreachableError, match="in time"):
            Node(Place(str(folder)), timeout_s=0.05).status()


def test_what_does_not_speak_http_is_named_so(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "run" / "api.sock"))
        listener.listen()

        def speak() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"220 mail.example ESMTP\r\n")

        thread = threading.Thread(target=speak)
        thread.start()
        with pytest.raises(AnswerError, match="does not speak HTTP"):
            Node(Place(str(folder)), timeout_s=5).status()
        thread.join()


def test_a_folder_with_a_long_path_is_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / ("long" * 30)
    (folder / "run").mkdir(parents=True)
    monkeypatch.chdir(folder / "run")
    with FakeNode(Path("api.sock")), Node(Place(str(folder))) as node:
        assert node.status()["name"] == "Riverside"


def test_a_token_goes_to_an_address_and_never_to_the_socket(folder: Path, fake: FakeNode) -> None:
    with FakeNode() as distant, Node(Place(str(folder), distant.url, "secret")) as node:
        node.status()
        assert distant.requests[0].headers["Authorization"] == "Bearer secret"
    with Node(Place(str(folder), None, "secret")) as node:
        node.status()
    assert fake.requests[0].headers["Authorization"] is None


@pytest.mark.parametrize("url", ["", "ftp://x", "127.0.0.1:4278", "http://", "http://[", "http://x:y", "http://a@b"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ClientError, match="no address"):
        Node(Place("/hub", url))


def test_a_token_is_not_sent_in_the_clear_over_the_network() -> None:
    with pytest.raises(ClientError, match="in the clear"):
        Node(Place("/hub", "http://192.168.1.7:4278", "secret"))


def test_what_is_in_the_way_is_told_though_the_status_is_503(node: Node, fake: FakeNode) -> None:
    assert node.ready() == (True, [])
    fake.plan(503, {"ready": False, "problems": [{"code": "disk_full"}]}, {"Content-Type": "application/json"})
    assert node.ready() == (False, [{"code": "disk_full"}])
