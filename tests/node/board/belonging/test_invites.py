from dataclasses import replace

import pytest

from hartig_node.board.belonging.invites import PASS_ON_DEFAULT, InviteView
from hartig_node.board.errors import BoardError
from hartig_protocol.events import AskAdmission, NewcomerAdmitted, NewcomerRefused
from hartig_protocol.limits import JOIN_TRIES_ALL_PER_MINUTE
from hartig_protocol.records.invites import read_invite
from hartig_protocol.records.keys import recovery_hash
from hartig_protocol.records.opening import open_record
from node.board.belonging.belonging import network_of, publish
from support.boards import Bench, running_board
from support.records import Network, consented_recovery, key

NODE = bytes(32)


async def ask(bench: Bench, secret: bytes, newcomer: int = 50, node: bytes = NODE) -> object:
    asked = AskAdmission(7, node, key(newcomer).public, secret, None)
    answer = await bench.board.membership.admit(asked)
    bench.engine.handle(answer)
    return answer


def secret_of(view: InviteView) -> bytes:
    assert view.link is not None
    return read_invite(view.link).secret


async def test_a_good_invite_buys_a_grant_and_is_consumed(bench: Bench) -> None:
    view = await bench.board.invites.create(uses=1, pass_on=3)
    answer = await ask(bench, secret_of(view))
    assert isinstance(answer, NewcomerAdmitted)
    grant = open_record(answer.grant)
    assert (grant.head.subject, grant.head.facts["rank"], grant.head.facts["invites"]) == (key(50).public, "hub", 3)
    assert bench.engine.hub.catalog.authority.standing(key(50).public) is not None
    await bench.engine.publish([])
    assert await bench.board.invites.list() == []
    assert isinstance(await ask(bench, secret_of(view), 51), NewcomerRefused)


async def test_an_invite_for_several_is_used_as_often_as_it_says(bench: Bench) -> None:
    view = await bench.board.invites.create(uses=2)
    for newcomer in (50, 51):
        assert isinstance(await ask(bench, secret_of(view), newcomer), NewcomerAdmitted)
        await bench.engine.publish([])
    assert isinstance(await ask(bench, secret_of(view), 52), NewcomerRefused)


async def test_two_newcomers_at_once_cannot_both_use_the_last_use(bench: Bench) -> None:
    secret = secret_of(await bench.board.invites.create(uses=1))
    bench.store.hold()
    answers = [await ask(bench, secret, newcomer) for newcomer in (50, 51)]
    assert [type(answer) for answer in answers] == [NewcomerAdmitted, NewcomerRefused]
    bench.store.release()


async def test_an_expired_or_revoked_invite_buys_nothing(bench: Bench) -> None:
    expired = await bench.board.invites.create(days=1)
    revoked = await bench.board.invites.create(days=7)
    await bench.board.invites.revoke(revoked.id)
    bench.time.advance(86401)
    for view in (expired, revoked):
        answer = await ask(bench, secret_of(view))
        assert isinstance(answer, NewcomerRefused)
        assert answer.code == "bad_invite"


async def test_wrong_tries_are_bounded_by_the_minute(bench: Bench) -> None:
    view = await bench.board.invites.create()
    for guess in range(3):
        refused = await ask(bench, bytes([guess] * 16))
        assert isinstance(refused, NewcomerRefused)
        assert refused.code == "bad_invite"
    blocked = await ask(bench, secret_of(view))
    assert isinstance(blocked, NewcomerRefused)
    assert blocked.code == "too_many"
    assert isinstance(await ask(bench, secret_of(view), node=b"\x01" * 32), NewcomerAdmitted)
    bench.time.advance(61)
    again = await bench.board.invites.create()
    assert isinstance(await ask(bench, secret_of(again), 51), NewcomerAdmitted)


async def test_strangers_who_guess_keep_nobody_out(bench: Bench) -> None:
    view = await bench.board.invites.create()
    for stranger in range(200):
        refused = await ask(bench, bytes([stranger] * 16), node=bytes([stranger] * 32))
        assert isinstance(refused, NewcomerRefused)
    assert isinstance(await ask(bench, secret_of(view), node=b"\xff" * 32), NewcomerAdmitted)


async def test_wrong_tries_of_all_nodes_are_bounded_and_good_invites_go_on(bench: Bench) -> None:
    view = await bench.board.invites.create(uses=2)
    codes = []
    for stranger in range(JOIN_TRIES_ALL_PER_MINUTE + 5):
        refused = await ask(bench, bytes([stranger] * 16), node=bytes([stranger] * 32))
        assert isinstance(refused, NewcomerRefused)
        codes.append(refused.code)
    assert codes == ["bad_invite"] * JOIN_TRIES_ALL_PER_MINUTE + ["too_many"] * 5
    assert isinstance(await ask(bench, secret_of(view), node=b"\xff" * 32), NewcomerAdmitted)
    bench.time.advance(61)
    refused = await ask(bench, bytes(16), 51, node=b"\xfe" * 32)
    assert isinstance(refused, NewcomerRefused)
    assert refused.code == "bad_invite"


async def test_the_secret_is_kept_as_a_hash_only(bench: Bench) -> None:
    secret = secret_of(await bench.board.invites.create())
    rows = [key + value[0] for (_, key), value in bench.store.disk.private.items()]
    assert not any(secret in row for row in rows)


@pytest.mark.parametrize(
    ("arguments", "pointer"),
    [
        ({"uses": 0}, "/uses"),
        ({"uses": 1001}, "/uses"),
        ({"days": 0}, "/days"),
        ({"days": 91}, "/days"),
        ({"addresses": ["x"] * 5}, "/addresses"),
        ({"addresses": ["x" * 81]}, "/addresses"),
        ({"pass_on": -1}, "/pass_on"),
        ({"label": "x" * 81}, "/label"),
    ],
)
async def test_a_bad_request_says_where(bench: Bench, arguments: dict[str, object], pointer: str) -> None:
    with pytest.raises(BoardError) as caught:
        await bench.board.invites.create(**arguments)  # type: ignore[arg-type]
    assert caught.value.pointer == pointer


async def test_an_invite_that_is_revoked_while_it_is_used_stays_so(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    invites, read = bench.board.invites, bench.store.private_get
    view = await invites.create(uses=20)

    async def revoked_meanwhile(space: str, row: bytes) -> bytes | None:
        value = await read(space, row)
        monkeypatch.undo()
        await invites.revoke(view.id)
        return value

    monkeypatch.setattr(bench.store, "private_get", revoked_meanwhile)
    assert isinstance(await ask(bench, secret_of(view)), NewcomerRefused)
    await bench.engine.publish([])
    assert await invites.list() == []


async def test_who_joins_again_without_naming_its_recovery_key_keeps_it(bench: Bench) -> None:
    newcomer = key(50)
    await publish(bench, network_of(bench).grant(newcomer.public, place=20, invites=0, recovery_of=newcomer))
    answer = await ask(bench, secret_of(await bench.board.invites.create()))
    assert isinstance(answer, NewcomerAdmitted)
    hash_ = recovery_hash(key(f"recovery of {newcomer.public.hex()}").public)
    assert consented_recovery(open_record(answer.grant).head) == hash_


async def test_no_invite_is_made_or_used_up_where_none_is_left() -> None:
    async with running_board(seed=1) as first, running_board(seed=2, founded=False) as hub:
        network = Network()
        network.charter = first.founding.charter
        grant = network.grant(hub.key.public, author=first.key, place=2, places=50, invites=3)
        await hub.engine.publish([first.founding.charter.wire, first.founding.grant.wire, grant.wire])
        await hub.board.membership.start()
        made = await hub.board.invites.create(uses=1)
        assert made.pass_on == 2
        early = await hub.board.invites.create(uses=1)
        assert isinstance(await ask(hub, secret_of(made), 50), NewcomerAdmitted)
        refused = await ask(hub, secret_of(early), 51)
        assert isinstance(refused, NewcomerRefused)
        assert refused.code == "no_invites"
        await hub.engine.publish([])
        assert [one.id for one in await hub.board.invites.list()] == [early.id]
        with pytest.raises(BoardError, match="used up"):
            await hub.board.invites.create(uses=1)
        assert hub.engine.hub.catalog.authority.standing(key(50).public) is not None


async def test_by_default_every_use_of_an_invite_passes_on_as_much(bench: Bench) -> None:
    assert (await bench.board.invites.create(uses=1)).pass_on == PASS_ON_DEFAULT


async def test_a_newcomer_that_the_core_refuses_uses_no_invite_and_leaves_no_private_row(bench: Bench) -> None:
    invites = bench.board.invites
    secret = secret_of(await invites.create(uses=1))
    rows = dict(bench.store.disk.private)
    asked = AskAdmission(7, NODE, key(50).public, secret, None)
    signed = await bench.board.membership.admit(asked)
    assert isinstance(signed, NewcomerAdmitted)
    stranger = Network().grant(key(50).public, author=key("nobody"))  # by now nobody here may let anybody in
    bench.engine.handle(replace(signed, grant=stranger.wire))
    await bench.engine.publish([])
    assert bench.store.disk.private == rows
    assert isinstance(await ask(bench, secret, 51), NewcomerAdmitted)
    await bench.engine.publish([])
    assert await invites.list() == []
