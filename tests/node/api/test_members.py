"""Who belongs, over the API of a whole board."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from hartig_node.api.routes_members import WITHOUT_MAX
from hartig_protocol.records.record import Record
from node.api.conftest import Api, MakeApi
from node.board.belonging.belonging import ANA, BEN, CAM, DAN, become, invite, network_of, next_rules, publish
from support.boards import Bench, running_board
from support.records import Network


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with running_board() as bench:
        yield bench


@pytest.fixture
async def api(bench: Bench, make_api: MakeApi) -> AsyncIterator[Api]:
    opened = await make_api(board=bench.board)
    yield opened
    await opened.server.close()


def wire(record: Record) -> dict[str, str]:
    return {"head": record.head_bytes.hex(), "signature": record.signature.hex()}


async def test_a_member_is_granted_renewed_and_ended(api: Api) -> None:
    body = {"key": ANA.public.hex(), "rank": "member", "days": 10}
    status, made, response = await api.ask("POST", "/api/v1/members", json=body)
    assert (status, made["rank"], made["state"]) == (201, "member", "standing")
    path = response.headers["Location"]
    assert (await api.ask("GET", path))[1]["invited"] == []
    renewed = (await api.ask("POST", f"{path}/renew", json={"days": 20}))[1]
    assert renewed["until"] > made["until"]
    assert (await api.ask("POST", f"{path}/renew"))[1]["until"] > renewed["until"]
    listed = (await api.ask("GET", "/api/v1/members"))[1]["items"]
    assert [one["rank"] for one in listed] == ["trustee", "hub", "member"]
    assert (await api.ask("POST", f"{path}/end"))[1]["state"] == "over"
    assert len((await api.ask("GET", "/api/v1/members"))[1]["items"]) == 2
    assert len((await api.ask("GET", "/api/v1/members?state=all"))[1]["items"]) == 3


async def test_members_come_in_pages(api: Api) -> None:
    first = (await api.ask("GET", "/api/v1/members?limit=1"))[1]
    second = (await api.ask("GET", f"/api/v1/members?limit=1&cursor={first['next']}"))[1]
    assert ([first["items"][0]["rank"], second["items"][0]["us"]], second["next"]) == (["trustee", True], None)
    assert (await api.problem("GET", "/api/v1/members?cursor=zz"))["code"] == "bad_cursor"
    assert (await api.problem("GET", "/api/v1/members?state=gone"))["pointer"] == "/state"


async def test_a_removal_keeps_who_is_named(api: Api, bench: Bench) -> None:
    await become(bench, "organiser")
    await invite(bench, None, ANA)
    await invite(bench, ANA, BEN, CAM, first=0, invites=2)
    path = f"/api/v1/members/{ANA.public.hex()}"
    assert (await api.ask("GET", path))[1]["rests_on_it_count"] == 2
    status, removal, _ = await api.ask("POST", f"{path}/remove", json={"keep": [BEN.public.hex()]})
    assert (status, removal["removed"], removal["kept"]) == (200, [ANA.public.hex()], [BEN.public.hex()])
    assert [one["key"] for one in removal["fell"]] == [CAM.public.hex()]
    assert (await api.ask("GET", path))[1]["state"] == "removed"


async def test_what_would_follow_is_told_before_it_is_done(api: Api, bench: Bench) -> None:
    """Ana, an organiser, has removed Ben, and has let Cam in."""
    network = network_of(bench)
    await invite(bench, bench.key, BEN)
    await invite(bench, None, ANA, rank="organiser")
    await invite(bench, ANA, CAM, first=0, invites=0)
    await publish(bench, network.revoke(BEN.public, author=ANA, successor=DAN.public))
    without = f"/api/v1/network/without?keys={ANA.public.hex()},{DAN.public.hex()}"
    said = (await api.ask("GET", without))[1]
    assert [one["key"] for one in said["falls"]] == [CAM.public.hex()]
    assert [one["key"] for one in said["returns"]] == [BEN.public.hex()]
    assert (said["falls_count"], said["returns_count"]) == (1, 1)
    (removal,) = said["removals"]
    assert (removal["by"], removal["key"], removal["successor"]) == tuple(one.public.hex() for one in (ANA, BEN, DAN))
    for keys in ("", "zz", ",".join([ANA.public.hex()] * (WITHOUT_MAX + 1))):
        assert (await api.problem("GET", f"/api/v1/network/without?keys={keys}"))["pointer"] == "/keys"
    assert (await api.problem("GET", "/api/v1/network/without?record=zz"))["pointer"] == "/record"
    record = (await api.ask("GET", f"/api/v1/members/{ANA.public.hex()}"))[1]["record"]
    said = (await api.ask("GET", f"/api/v1/network/without?record={record}"))[1]
    assert {one["key"] for one in said["falls"]} == {one.public.hex() for one in (ANA, CAM)}
    assert [one["key"] for one in said["removals"]] == [BEN.public.hex()]
    await become(bench, "organiser")
    path = f"/api/v1/members/{CAM.public.hex()}"
    preview = (await api.ask("POST", f"{path}/remove", json={"preview": True}))[1]
    assert (preview["removed"], preview["stay_removed"], preview["returned"]) == ([CAM.public.hex()], [], [])
    assert (await api.ask("GET", path))[1]["state"] == "standing"
    problem = await api.problem("POST", f"{path}/remove", json={"returns": [BEN.public.hex()]})
    assert (problem["rule"], problem["pointer"]) == ("keep", "/returns")


async def test_somebody_without_a_card_is_named_on_this_hub_alone(api: Api, bench: Bench) -> None:
    await invite(bench, bench.key, ANA)
    path = f"/api/v1/members/{ANA.public.hex()}"
    for name, shown in (("  Rosa ", "Rosa"), ("Rosa Paz", "Rosa Paz"), ("", None)):
        status, person, _ = await api.ask("POST", f"{path}/label", json={"name": name})
        assert (status, person["name"]) == (200, shown)
        assert (await api.ask("GET", path))[1]["name"] == shown
    await api.ask("POST", f"{path}/label", json={"name": "Rosa"})
    bench.board.context.hub_names.clear()  # as when the hub starts
    await bench.board.membership.start()
    assert (await api.ask("GET", path))[1]["name"] == "Rosa"
    for key, body in ((bench.key, {"name": "Ours"}), (ANA, {"name": "x" * 121})):
        problem = await api.problem("POST", f"/api/v1/members/{key.public.hex()}/label", json=body)
        assert (problem["code"], problem["pointer"]) == ("bad_request", "/name")
    assert (await api.problem("POST", f"/api/v1/members/{BEN.public.hex()}/label", json=body))["code"] == "bad_request"


async def test_what_is_not_allowed_names_the_rule(api: Api, bench: Bench) -> None:
    await invite(bench, bench.key, ANA)
    problem = await api.problem("POST", f"/api/v1/members/{ANA.public.hex()}/remove")
    assert (problem["status"], problem["code"], problem["rule"]) == (409, "not_allowed", "rank")
    assert problem["title"] == "The rules of this network do not allow this"
    problem = await api.problem("POST", "/api/v1/members", json={"key": BEN.public.hex(), "invites": 10_000})
    assert (problem["rule"], problem["allowed"].isdecimal(), problem["pointer"]) == ("invites", True, "/invites")


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("", {"key": "zz"}, "/key"),
        ("", {"rank": "hub"}, "/key"),
        ("", {"key": ANA.public.hex(), "days": 0}, "/days"),
        (f"/{ANA.public.hex()}/remove", {"keep": ["zz"]}, "/keep/0"),
        (f"/{ANA.public.hex()}/remove", {"successor": "zz"}, "/successor"),
        (f"/{ANA.public.hex()}/end", {"why": "x"}, "/why"),
    ],
)
async def test_what_cannot_be_read_is_named(api: Api, path: str, body: dict[str, Any], pointer: str) -> None:
    problem = await api.problem("POST", f"/api/v1/members{path}", json=body)
    assert (problem["status"], problem["pointer"]) == (400, pointer)


async def test_who_is_not_known_is_not_found(api: Api) -> None:
    for key in ("zz", ANA.public.hex()):
        assert (await api.problem("GET", f"/api/v1/members/{key}"))["code"] == "not_found"


async def test_scopes_are_those_of_the_other_admin_routes(api: Api) -> None:
    read, admin = await api.token("read"), await api.token("admin")
    body = {"key": ANA.public.hex()}
    for headers, status in ((read, 403), (admin, 201)):
        async with api.tcp.post(f"{api.url}/api/v1/members", json=body, headers=headers) as response:
            assert response.status == status
    for path, status in (("network", 200), ("members", 200), ("waiting", 403)):
        async with api.tcp.get(f"{api.url}/api/v1/{path}", headers=read) as response:
            assert response.status == status


async def test_the_rules_and_what_waits_are_told(api: Api, bench: Bench) -> None:
    rules = (await api.ask("GET", "/api/v1/network"))[1]
    assert (rules["name"], rules["version"], rules["threshold"]) == ("Test", 1, 1)
    assert (await api.ask("GET", "/api/v1/waiting"))[1] == {"count": 0, "neighbours": []}
    assert (await api.ask("GET", "/api/v1/status"))[1]["belonging"]["rank"] == "hub"
    assert bench.founding.network.hex() == rules["id"]


# --- Records that were signed elsewhere


async def test_several_records_are_one_commit(api: Api, bench: Bench) -> None:
    network, seat = network_of(bench), bench.founding.seats[0].key
    await invite(bench, None, ANA)
    await invite(bench, ANA, BEN, first=0)
    before = bench.engine.hub.catalog.last_n
    changed = [
        network.revoke(ANA.public),
        network.grant(BEN.public, place=30, invites=0),
        next_rules(bench, bench.founding.charter, [seat], name="Valley"),
    ]
    status, said, _ = await api.ask("POST", "/api/v1/records", json={"records": [wire(one) for one in changed]})
    assert status == 201
    assert [(one["id"], one["kind"], one["refused"]) for one in said["records"]] == [
        (one.id.hex(), one.head.kind, None) for one in changed
    ]
    assert bench.engine.hub.catalog.last_n == before + 3
    assert (await api.ask("GET", "/api/v1/network"))[1]["name"] == "Valley"
    assert bench.board.people.get(BEN.public).invited_by == seat.public


async def test_all_of_one_change_is_taken_or_nothing_of_it(api: Api, bench: Bench) -> None:
    network = network_of(bench)
    good, bad = network.grant(ANA.public, place=30, invites=0), network.grant(BEN.public, author=CAM)
    before = bench.engine.hub.catalog.last_n
    for records, at in (([good, bad], 1), ([bad, good], 0)):
        problem = await api.problem("POST", "/api/v1/records", json={"records": [wire(one) for one in records]})
        assert (problem["code"], problem["pointer"]) == ("refused", f"/records/{at}")
        assert "waits_proof" in problem["detail"]
    beyond = network.grant(CAM.public, place=10_000, invites=0)  # a number that the seat does not have
    await api.problem("POST", "/api/v1/records", json={"records": [wire(network.revoke(ANA.public)), wire(beyond)]})
    rival = network.grant(DAN.public, place=30, invites=0, seq=2)
    await api.problem("POST", "/api/v1/records", json={"records": [wire(good), wire(rival)]})
    assert bench.engine.hub.catalog.last_n == before
    assert bench.board.people.census.by_key.get(ANA.public) is None
    for _ in range(2):  # what is known already counts
        assert (await api.ask("POST", "/api/v1/records", json={"records": [wire(good)]}))[0] == 201


async def test_a_list_of_records_is_read_strictly(api: Api, bench: Bench) -> None:
    good = wire(network_of(bench).grant(ANA.public, place=30))
    other = wire(Network(seed=5).need(ANA))
    for records, pointer in (
        ([], "/records"),
        ([good] * 257, "/records"),
        ([good, 7], "/records/1"),
        ([{**good, "id": "x"}], "/records/0"),
        ([{"head": "00"}], "/records/0/signature"),
        ([good, {**good, "head": "zz"}], "/records/1/head"),
        ([good, {**good, "signature": "00" * 64}], "/records/1"),
        ([good, other], "/records/1"),
    ):
        problem = await api.problem("POST", "/api/v1/records", json={"records": records})
        assert problem["pointer"] == pointer, problem
    assert (await api.problem("POST", "/api/v1/records", json={"records": [good], **good}))["code"] == "bad_request"
    assert bench.board.people.census.by_key.get(ANA.public) is None
