"""Status, peers, invites, tokens, records, codes, and what watchers ask for."""

import base64
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hartig_node.board.errors import BoardError
from hartig_protocol.events import AskAdmission
from node.api.conftest import Api
from node.api.fake_board import HUB
from support.records import key


async def test_status_and_peers_are_told_and_not_stored(api: Api) -> None:
    status, data, response = await api.ask("GET", "/api/v1/status")
    assert (status, data["hub"], response.headers["Cache-Control"]) == (200, HUB, "no-store")
    assert (await api.ask("GET", "/api/v1/peers"))[1]["items"][0]["state"] == "open"


async def test_an_invite_shows_its_link_once(api: Api) -> None:
    body = {"uses": 3, "days": 2, "addresses": ["10.0.0.5:4279"], "label": "Garden"}
    status, made, response = await api.ask("POST", "/api/v1/invites", json=body)
    assert status == 201
    assert made.pop("link")
    assert response.headers["Cache-Control"] == "no-store"
    path = response.headers["Location"]
    assert (await api.ask("GET", path))[1] == made
    assert (await api.ask("GET", "/api/v1/invites"))[1]["items"] == [made]
    assert (made["uses"], made["uses_left"], made["label"]) == (3, 3, "Garden")
    assert (await api.ask("DELETE", path))[:2] == (204, None)
    for method in ("GET", "DELETE"):
        assert (await api.problem(method, path))["code"] == "not_found"


async def test_an_invite_needs_no_wishes(api: Api) -> None:
    status, made, _response = await api.ask("POST", "/api/v1/invites")
    assert (status, made["uses"]) == (201, 1)


async def test_the_answer_that_makes_an_invite_draws_it_where_asked(api: Api) -> None:
    made = (await api.ask("POST", "/api/v1/invites", json={"picture": "svg"}))[1]
    assert made["picture_svg"].startswith("<?xml")
    drawn = (await api.ask("POST", "/api/v1/invites", json={"picture": "png"}))[1]
    assert base64.b64decode(drawn["picture_png"]).startswith(b"\x89PNG")
    assert "picture_png" not in (await api.ask("GET", f"/api/v1/invites/{drawn['id']}"))[1]
    problem = await api.problem("POST", "/api/v1/invites", json={"picture": "gif"})
    assert (problem["status"], problem["pointer"]) == (400, "/picture")


async def test_a_hub_that_asks_is_listed_with_its_words_and_let_in_or_turned_away(api: Api) -> None:
    path = "/api/v1/invites/asking"
    assert (await api.ask("GET", path))[1] == {"open_s": 0, "items": [], "network_open": False, "came_openly": 0}
    assert (await api.ask("POST", path, json={}))[1]["open_s"] == 600
    asked = [AskAdmission(7, key(f"node {name}").public, key(name).public, b"", None) for name in ("one", "other")]
    for ask in asked:
        assert api.board.invites.asking.hears(ask)
    other, one = (await api.ask("GET", path))[1]["items"]
    assert (one["hub"], len(one["words"].split()), one["let_in"]) == (key("one").public.hex(), 8, False)
    assert other["words"] != one["words"]
    items = (await api.ask("POST", f"{path}/{one['id']}", json={}))[1]["items"]
    assert [item["let_in"] for item in items] == [False, True]
    assert (await api.ask("DELETE", f"{path}/{other['id']}"))[0] == 204
    assert (await api.problem("POST", f"{path}/{other['id']}", json={}))["code"] == "not_found"
    assert (await api.ask("DELETE", path))[0] == 204
    assert (await api.ask("GET", path))[1]["items"] == []


async def test_a_token_is_shown_once_and_works_at_once(api: Api) -> None:
    body = {"name": "sign in the hall", "scopes": ["read"], "days": 30}
    status, made, response = await api.ask("POST", "/api/v1/tokens", json=body)
    secret = made.pop("token")
    assert (status, made["scopes"], made["name"]) == (201, ["read"], "sign in the hall")
    assert secret.startswith("hartig_")
    assert (await api.ask("GET", "/api/v1/tokens"))[1]["items"] == [made]
    assert (await api.ask("GET", response.headers["Location"]))[1] == made
    headers = {"Authorization": f"Bearer {secret}"}
    async with api.tcp.get(f"{api.url}/api/v1/status", headers=headers) as answer:
        assert answer.status == 200
    assert (await api.ask("DELETE", response.headers["Location"]))[0] == 204
    async with api.tcp.get(f"{api.url}/api/v1/status", headers=headers) as answer:
        assert answer.status == 401


HEAD, SIGNATURE, BODY = b"\x9f head", bytes(range(150, 214)), b"body \xff"


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.mark.parametrize("write", [bytes.hex, base64url, lambda data: base64.urlsafe_b64encode(data).decode()])
async def test_a_record_is_taken_in_hexadecimal_and_in_base64url(api: Api, write: "object") -> None:
    assert callable(write)
    body = {"head": write(HEAD), "signature": write(SIGNATURE), "body": write(BODY)}
    status, data, response = await api.ask("POST", "/api/v1/records", json=body)
    assert status == 201
    assert api.board.posts.records == [(HEAD, SIGNATURE, BODY)]
    assert response.headers["Location"] == f"/api/v1/records/{data['id']}"
    assert data["post"]["title"] == {"en": "Signed elsewhere"}
    assert (await api.ask("GET", f"/api/v1/records/{'aa' * 32}"))[1]["head"] == HEAD.hex()
    assert (await api.problem("GET", "/api/v1/records/xyz"))["code"] == "not_found"


@pytest.mark.parametrize("body", [{}, {"body": None}])
async def test_a_record_may_come_without_its_body(api: Api, body: dict[str, None]) -> None:
    await api.ask("POST", "/api/v1/records", json={"head": "00", "signature": "11", **body})
    assert api.board.posts.records == [(b"\x00", b"\x11", None)]


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"head": None}, "bad_request", "/head"),
        ({"signature": 5}, "bad_request", "/signature"),
        ({"head": "0"}, "bad_record", "/head"),
        ({"head": "zz"}, "bad_record", "/head"),
        ({"head": "00" * 2049}, "bad_record", "/head"),
        ({"body": "00" * 16385}, "bad_record", "/body"),
        ({"signature": base64url(SIGNATURE), "head": "!!"}, "bad_record", "/head"),
        ({"signature": base64url(SIGNATURE), "head": "A"}, "bad_record", "/head"),
        ({"text": "00"}, "bad_request", "/text"),
    ],
)
async def test_a_record_that_cannot_be_read_is_named(
    api: Api, changes: dict[str, object], code: str, pointer: str
) -> None:
    body = {"head": HEAD.hex(), "signature": SIGNATURE.hex(), **changes}
    problem = await api.problem("POST", "/api/v1/records", json=body)
    assert (problem["code"], problem["pointer"]) == (code, pointer)
    assert problem["hint"]
    assert not api.board.posts.records


@pytest.mark.parametrize(
    ("asked", "language"), [("", "en"), ("?language=ht", "ht"), ("?language=ZH-Hant", "zh"), ("?language=de", "en")]
)
async def test_labels_come_in_a_language_or_in_english(api: Api, asked: str, language: str) -> None:
    for path, extra in (("categories", "sensitive"), ("attributes", "group"), ("units", "factor")):
        _status, data, _response = await api.ask("GET", f"/api/v1/{path}{asked}")
        assert data["language"] == language
        assert all(item["code"] and item["label"] and extra in item for item in data["items"])


@pytest.mark.parametrize("language", ["x", "", "../etc", "e" * 13, "%D8%B9%D8%B1"])
async def test_what_is_no_language_is_refused(api: Api, language: str) -> None:
    assert (await api.problem("GET", f"/api/v1/units?language={language}"))["pointer"] == "/language"


async def test_a_hub_that_is_not_ready_says_why(api: Api) -> None:
    assert (await api.ask("GET", "/healthz"))[:2] == (200, {"alive": True})
    assert (await api.ask("GET", "/readyz"))[:2] == (200, {"ready": True, "problems": []})
    api.board.status.problems = [{"code": "disk_full", "what": "the disk is full", "hint": "free some space"}]
    status, data, _response = await api.ask("GET", "/readyz")
    assert (status, data["ready"], data["problems"][0]["code"]) == (503, False, "disk_full")


async def test_metrics_are_prometheus_text(api: Api) -> None:
    await api.ask("GET", "/healthz")
    async with api.unix.request("GET", "http://localhost/metrics") as response:
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        families = {family.name: family for family in text_string_to_metric_families(await response.text())}
    assert (families["hartig_posts"].type, families["hartig_posts"].samples[0].value) == ("gauge", 3)
    assert (families["hartig_arrivals"].type, families["hartig_arrivals"].samples[0].value) == ("counter", 7)
    (held,) = families["hartig_partner_records"].samples
    assert (held.labels, held.value) == ({"network": "ab" * 16}, 5)
    counted = families["hartig_api_answers"].samples
    assert next(one.value for one in counted if one.labels == {"method": "GET", "status": "200"}) >= 1


async def test_a_strange_method_makes_no_figure_of_its_own(api: Api) -> None:
    for method in ("PROPFIND", "TRACE", "PUT"):
        await api.ask(method, "/healthz")
    async with api.unix.request("GET", "http://localhost/metrics") as response:
        text = await response.text()
    assert "PROPFIND" not in text
    assert 'method="other",status="405"} 3.0' in text


async def test_a_full_disk_is_told_as_such(api: Api) -> None:
    api.board.posts.failure = BoardError("disk_full", "no space left", "free some space")
    problem = await api.problem("POST", "/api/v1/needs", json={"category": "food", "title": "Rice"})
    assert (problem["status"], problem["code"]) == (507, "disk_full")


async def test_a_backup_is_made_over_the_socket_alone(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    async def backup(path: str) -> None:
        written.append(path)

    monkeypatch.setattr(api.board, "backup", backup)
    path = str(tmp_path / "hub.backup")
    status, data, _response = await api.ask("POST", "/api/v1/backups", json={"path": path})
    assert (status, data, written) == (201, {"path": path}, [path])
    for wrong in ("hub.backup", "/no/such/folder/x", str(tmp_path), "/tmp/\0", "/" + "x" * 5000):
        problem = await api.problem("POST", "/api/v1/backups", json={"path": wrong})
        assert (problem["code"], problem["pointer"]) == ("bad_request", "/path")
    headers = await api.token("admin")
    async with api.tcp.post(f"{api.url}/api/v1/backups", json={"path": path}, headers=headers) as response:
        assert (response.status, (await response.json(content_type=None))["code"]) == (403, "forbidden")
    assert written == [path]
