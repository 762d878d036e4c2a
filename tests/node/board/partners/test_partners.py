"""Agreements with partner networks: proposed, accepted, changed, left; and what each would change."""

from typing import Any

import pytest

from hartig_node.board.belonging.allowed import NotAllowedError
from hartig_node.board.errors import BoardError
from hartig_node.board.partners.code import PartnerCode, Speaker, read_code
from hartig_node.board.partners.saying import Hand
from hartig_node.board.times import rfc3339
from hartig_node.daemon.founding import Seat
from hartig_protocol.limits import DAY_MS, LIFE_LONG_MS_MAX, PARTNERS_MAX
from hartig_protocol.records.record import Kind
from node.board.belonging.belonging import ANA, become, invite, network_of, publish
from node.board.partners.abroad import Abroad, open_partner, pact
from support.boards import Bench, running_board
from support.records import NOW_MS, key

OFFERS = {"kinds": ["offer"]}
BLANKET = {"kind": "offer", "category": "household.bedding", "title": "Blanket", "area": "u33dc", "quantity": 3}


@pytest.fixture
def abroad() -> Abroad:
    return Abroad()


def code_of(abroad: Abroad) -> str:
    return PartnerCode(abroad.id, "Río", (Speaker(key("node abroad").public, ("10.0.0.1:4279",)),)).text


def seat_of(bench: Bench) -> Seat:
    return bench.founding.seats[0]


async def put(bench: Bench, **draft: Any) -> str:
    return (await bench.board.posts.publish({**BLANKET, **draft})).id


async def test_our_side_is_said_by_an_organiser_and_agreed_when_theirs_is_here(bench: Bench, abroad: Abroad) -> None:
    await become(bench, "organiser")
    partners = bench.board.partners
    await partners.propose(code_of(abroad), {**OFFERS, "areas": ["U33"]}, 30)
    (waiting,) = await partners.list()
    assert (waiting.state, waiting.ours.terms.areas, waiting.links) == ("waiting", ("u33",), 0)
    assert waiting.ours.expires_ms == NOW_MS + 30 * DAY_MS
    await open_partner(bench, abroad)
    agreed = await partners.get(abroad.id)
    assert (agreed.state, agreed.name, str(agreed)) == ("agreed", "Maple Street", "Maple Street")
    assert agreed.theirs is not None
    assert agreed.theirs.terms.retention_days == 30
    assert agreed.heard_ms == NOW_MS
    await abroad.take(abroad.pact(bench.founding.network, seq=2, ends=True))
    assert (await partners.get(abroad.id)).state == "left"


async def test_who_may_not_agree_is_told_who_may(bench: Bench, abroad: Abroad) -> None:
    with pytest.raises(NotAllowedError) as caught:
        await bench.board.partners.propose(code_of(abroad), OFFERS, None)
    assert caught.value.rule == "rank"
    assert "organiser or a trustee" in caught.value.detail
    assert seat_of(bench).key.public.hex()[:8] in caught.value.hint
    with pytest.raises(NotAllowedError):
        await bench.board.partners.propose(code_of(abroad), OFFERS, None, hand=Hand(bench.key.public), preview=True)
    with pytest.raises(BoardError, match="does not belong"):
        await bench.board.partners.propose(code_of(abroad), OFFERS, None, hand=Hand(ANA.public), preview=True)
    assert await bench.board.partners.list() == []


async def test_a_trustees_word_goes_before_an_organisers(bench: Bench, abroad: Abroad) -> None:
    await become(bench, "organiser")
    network = bench.founding.network
    await publish(bench, pact(network, abroad.id, seat_of(bench).key))
    with pytest.raises(NotAllowedError, match="goes before"):
        await bench.board.partners.leave(abroad.id)
    own = pact(network, abroad.id, bench.key, days=399)
    with pytest.raises(NotAllowedError):
        await bench.board.partners.change(abroad.id, {"kinds": ["note"]}, None)
    with pytest.raises(BoardError, match="goes before this"):
        await bench.board.partners.change(abroad.id, {}, None, hand=Hand(wire=own.wire))


async def test_a_trustees_word_that_is_over_goes_before_until_it_is_gone_and_says_when(
    bench: Bench, abroad: Abroad
) -> None:
    await become(bench, "organiser")
    await publish(bench, pact(bench.founding.network, abroad.id, seat_of(bench).key, days=10))
    bench.time.advance(11 * 86_400)
    gone = rfc3339(NOW_MS + 45 * DAY_MS)[:10]
    with pytest.raises(NotAllowedError, match=f"is over, and .* goes before until {gone}") as caught:
        await bench.board.partners.propose(code_of(abroad), OFFERS, None)
    assert "or wait until then" in caught.value.hint


async def test_a_preview_for_another_key_says_until_when_it_is_signed() -> None:
    async with running_board(trusted=False) as bench:
        seat = seat_of(bench).key.public
        tried = await bench.board.partners.propose(code_of(Abroad()), OFFERS, 50, hand=Hand(seat), preview=True)
        assert tried.until_ms == bench.engine.clock.now().wall_ms + LIFE_LONG_MS_MAX


async def test_an_equal_organiser_can_change_and_end_what_another_said(bench: Bench, abroad: Abroad) -> None:
    await become(bench, "organiser")
    await invite(bench, None, ANA, rank="organiser")
    await publish(bench, pact(bench.founding.network, abroad.id, ANA, days=200))
    change = await bench.board.partners.change(abroad.id, {"kinds": ["note", "offer"]}, None)
    assert change.until_ms == NOW_MS + 200 * DAY_MS + 1
    (agreement,) = await bench.board.partners.list()
    assert (agreement.ours.author, agreement.ours.terms.kinds) == (bench.key.public, ("note", "offer"))
    await bench.board.partners.leave(abroad.id)
    assert await bench.board.partners.list() == []
    await bench.board.partners.propose(code_of(abroad), OFFERS, 250)  # in the same place again
    assert len(await bench.board.partners.list()) == 1


async def test_what_a_trustee_ends_does_not_come_back_with_what_an_organiser_said(bench: Bench, abroad: Abroad) -> None:
    await invite(bench, None, ANA, rank="organiser")
    await publish(bench, pact(bench.founding.network, abroad.id, ANA, days=300))
    tried = await bench.board.partners.leave(abroad.id, hand=Hand(seat_of(bench).key.public), preview=True)
    assert tried.place is not None
    assert tried.place.as_json()["lasts_ms"] > NOW_MS + 300 * DAY_MS


async def test_a_preview_says_exactly_what_would_cross_and_changes_nothing(bench: Bench, abroad: Abroad) -> None:
    await become(bench, "organiser")
    partners = bench.board.partners
    near = await put(bench, audience="partners")
    far = await put(bench, audience="partners", area="9q8yy")
    await put(bench)
    tried = await partners.propose(code_of(abroad), {**OFFERS, "areas": ["u33d"]}, None, preview=True)
    assert [one.head.thread.hex() for one in tried.difference.gained] == [near]
    assert (tried.difference.shared, list(tried.difference.lost)) == (1, [])
    assert await partners.list() == []
    await partners.propose(code_of(abroad), {**OFFERS, "areas": ["u33d"]}, None)
    wider = await partners.change(abroad.id, {"areas": []}, None, preview=True)
    assert [one.head.thread.hex() for one in wider.difference.gained] == [far]
    narrower = await partners.change(abroad.id, {"kinds": ["note"]}, None, preview=True)
    assert [one.head.thread.hex() for one in narrower.difference.lost] == [near]
    left = await partners.leave(abroad.id, preview=True)
    assert (left.difference.shared, len(left.difference.lost), left.terms) == (0, 1, None)
    assert partners.own_pact(abroad.id) is not None


async def test_what_is_not_shared_is_listed_with_why(
    bench: Bench, abroad: Abroad, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hartig_node.board.partners.crossing.LOOKED_AT_ONCE", 2)
    await become(bench, "organiser")
    partners = bench.board.partners
    await partners.propose(code_of(abroad), {**OFFERS, "categories": ["household"], "areas": ["u33"]}, None)
    shared = [await put(bench, audience="partners"), await put(bench, audience=abroad.id.hex())]
    kept = {
        await put(bench): "audience",
        await put(bench, audience="hub"): "audience",
        await put(bench, audience="partners", kind="need"): "need",
        await put(bench, audience="partners", category="food.bread"): "category",
        await put(bench, audience="partners", area="9q8yy"): "area",
    }
    wanted = await put(bench, kind="need", audience=abroad.id.hex())  # asked of that partner alone
    crossing, pact_ = partners.crossing(abroad.id), partners.own_pact(abroad.id)
    counts = await crossing.counts(pact_)
    assert counts == {"shared": 3, "audience": 2, "need": 1, "kind": 0, "category": 1, "area": 1}

    async def listed(state: str) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        cursor = None
        while True:
            page = await crossing.page(pact_, state, cursor, 2)
            found |= {one.head.thread.hex(): why for one, why in page.items}
            if page.cursor is None:
                return found
            cursor = page.cursor

    assert await listed("shared") == dict.fromkeys([*shared, wanted])
    assert await listed("kept") == kept
    assert await listed("all") == {**kept, **dict.fromkeys([*shared, wanted])}
    await partners.change(abroad.id, {"kinds": ["note"]}, None)
    assert (await crossing.counts(partners.own_pact(abroad.id)))["kind"] == 4
    for cursor, limit in (("x", 5), ("n-1", 5), (None, 0)):
        with pytest.raises(BoardError):
            await crossing.page(pact_, "all", cursor, limit)


@pytest.mark.parametrize(
    ("wishes", "days", "pointer"),
    [
        ({}, None, "/kinds"),
        ({"kinds": ["need"]}, None, "/kinds"),
        ({**OFFERS, "categories": ["gold"]}, None, "/categories/0"),
        ({**OFFERS, "categories": ["food"] * 65}, None, "/categories"),
        ({**OFFERS, "categories": ["health.hiv"]}, None, "/categories/0"),
        ({**OFFERS, "areas": ["ai"]}, None, "/areas/0"),
        ({**OFFERS, "areas": ["u33dcx"]}, None, "/areas/0"),
        ({**OFFERS, "retention_days": 0}, None, "/retention_days"),
        (OFFERS, 401, "/days"),
        (OFFERS, 0, "/days"),
    ],
)
async def test_what_cannot_be_agreed_is_named(
    bench: Bench, abroad: Abroad, wishes: dict[str, Any], days: float | None, pointer: str
) -> None:
    await become(bench, "organiser")
    with pytest.raises(BoardError) as caught:
        await bench.board.partners.propose(code_of(abroad), wishes, days)
    assert caught.value.pointer == pointer


async def test_a_wider_code_takes_in_the_narrower_ones(bench: Bench, abroad: Abroad) -> None:
    await become(bench, "organiser")
    wishes = {**OFFERS, "categories": ["food.bread", "food", "household"], "areas": ["u33d", "u3"]}
    terms = (await bench.board.partners.propose(code_of(abroad), wishes, None)).terms
    assert terms is not None
    assert (terms.categories, terms.areas, terms.retention_days) == (("food", "household"), ("u3",), 90)


async def test_an_agreement_gets_no_less_time_than_it_has(bench: Bench, abroad: Abroad) -> None:
    await become(bench, "organiser")
    await bench.board.partners.propose(code_of(abroad), OFFERS, 100)
    with pytest.raises(BoardError, match="less time") as caught:
        await bench.board.partners.change(abroad.id, {}, 50)
    assert caught.value.pointer == "/days"
    assert (await bench.board.partners.change(abroad.id, {}, 300)).until_ms == NOW_MS + 300 * DAY_MS
    bench.time.advance(301 * DAY_MS / 1000)
    assert await bench.board.partners.list() == []


async def test_there_is_one_agreement_with_a_network_and_few_in_all(bench: Bench, abroad: Abroad) -> None:
    await become(bench, "organiser")
    partners = bench.board.partners
    await partners.propose(code_of(abroad), OFFERS, None)
    with pytest.raises(BoardError, match="stands already"):
        await partners.propose(code_of(abroad), OFFERS, None)
    own = PartnerCode(bench.founding.network, "us").text
    with pytest.raises(BoardError, match="our own network"):
        await partners.propose(own, OFFERS, None)
    for number in range(1, PARTNERS_MAX):
        await partners.propose(PartnerCode(bytes([number]) * 16, "").text, OFFERS, None)
    with pytest.raises(BoardError) as caught:
        await partners.propose(PartnerCode(b"x" * 16, "").text, OFFERS, None)
    assert caught.value.code == "too_many"
    for act in (partners.get, partners.leave):
        with pytest.raises(BoardError) as missing:
            await act(b"y" * 16)
        assert missing.value.code == "not_found"


# --- With a key kept elsewhere


async def test_a_key_elsewhere_is_told_its_place_and_hands_in_what_it_signed(bench: Bench, abroad: Abroad) -> None:
    partners, seat = bench.board.partners, seat_of(bench).key
    near = await put(bench, audience="partners")
    tried = await partners.propose(code_of(abroad), OFFERS, 50, hand=Hand(seat.public), preview=True)
    assert tried.place is not None
    assert tried.place.as_json() == {"number": 1, "before": None, "lasts_ms": 0}
    assert [one.head.thread.hex() for one in tried.difference.gained] == [near]
    signed = pact(bench.founding.network, abroad.id, seat, place=1, days=50)
    await partners.propose(code_of(abroad), OFFERS, None, hand=Hand(wire=signed.wire))
    assert (await partners.get(abroad.id)).ours.author == seat.public
    again = await partners.leave(abroad.id, hand=Hand(seat.public), preview=True)
    assert again.place is not None
    assert again.place.as_json() == {"number": 1, "before": signed.id.hex(), "lasts_ms": NOW_MS + 50 * DAY_MS}
    with pytest.raises(BoardError) as caught:
        await partners.leave(abroad.id, hand=Hand(seat.public))
    assert caught.value.pointer == "/signer"


async def test_what_is_handed_in_must_be_about_that_network(bench: Bench, abroad: Abroad) -> None:
    partners, seat = bench.board.partners, seat_of(bench).key
    other = pact(bench.founding.network, b"o" * 16, seat)
    forged = (other.wire[0], bytes(64), None)
    for wire in (other.wire, forged, bench.founding.grant.wire):
        with pytest.raises(BoardError) as caught:
            await partners.propose(code_of(abroad), OFFERS, None, hand=Hand(wire=wire))
        assert (caught.value.code, caught.value.pointer) == ("bad_record", "/record")


# --- Who speaks


async def test_the_code_names_the_hubs_that_speak_for_the_network(bench: Bench) -> None:
    partners = bench.board.partners
    bench.board.config.addresses = ("192.168.0.9:4279",)
    code = await partners.code()
    assert (code.network, code.name) == (bench.founding.network, "Test")
    assert code.speakers == (Speaker(bench.board.context.node_id, ("192.168.0.9:4279",)),)
    assert read_code(code.text) == code
    await bench.board.changing.grant(ANA.public, gateway=True)
    assert len((await partners.code()).speakers) == 1  # its card has not come
    await publish(bench, network_of(bench).card(ANA, place=1, addresses=("10.1.1.1:4279",)))
    assert {one.addresses for one in (await partners.code()).speakers} == {("192.168.0.9:4279",), ("10.1.1.1:4279",)}


async def test_a_network_for_which_nobody_speaks_has_no_code(bench: Bench) -> None:
    await become(bench, "organiser")  # that grant does not say that it speaks
    with pytest.raises(NotAllowedError) as caught:
        await bench.board.partners.code()
    assert caught.value.rule == "speakers"


async def test_fewer_than_two_who_speak_is_a_problem_once_there_is_an_agreement(bench: Bench, abroad: Abroad) -> None:
    await become(bench, "organiser", gateway=True)
    assert list(await bench.board.partners.minding.problems()) == []
    await bench.board.partners.propose(code_of(abroad), OFFERS, None)
    ((code, what, _),) = await bench.board.partners.minding.problems()
    assert (code, "one hub alone" in what) == ("few_speakers", True)
    assert "few_speakers" in [one.code for one in await bench.board.status.problems()]
    await bench.board.changing.grant(ANA.public, gateway=True)
    assert list(await bench.board.partners.minding.problems()) == []


async def test_an_agreement_that_ends_soon_is_a_problem(bench: Bench, abroad: Abroad) -> None:
    await become(bench, "organiser", gateway=True)
    await bench.board.changing.grant(ANA.public, gateway=True)
    await bench.board.partners.propose(code_of(abroad), OFFERS, 59)
    ((code, what, _),) = await bench.board.partners.minding.problems()
    assert (code, abroad.id.hex()[:8] in what) == ("agreements_end", True)
    await bench.board.partners.change(abroad.id, {}, 200)
    assert list(await bench.board.partners.minding.problems()) == []


async def test_whom_people_named_is_told_also_after_a_start(bench: Bench, abroad: Abroad) -> None:
    await become(bench, "organiser")
    told: list[tuple[bytes, list[Speaker]]] = []
    partners = bench.board.partners
    partners.on_speakers = lambda network, speakers: told.append((network, [*speakers]))
    await partners.propose(code_of(abroad), OFFERS, None, preview=True)
    assert told == []
    await partners.propose(code_of(abroad), OFFERS, None)
    await partners.start()
    assert told == [(abroad.id, [Speaker(key("node abroad").public, ("10.0.0.1:4279",))])] * 2
    await partners.leave(abroad.id)
    told.clear()
    await partners.start()
    assert told == []


async def test_a_place_that_a_partner_may_hold_is_used_again_only_when_its_time_is_over(bench: Bench) -> None:
    pen = bench.board.context.pen
    post = await bench.board.posts.publish({**BLANKET, "audience": "partners"})
    await bench.board.posts.withdraw(post.id)
    entry = next(one for one in pen.catalog.registers.of_kind(Kind.OFFER))
    now = bench.engine.clock.now()
    later = (entry.expires or 0) + DAY_MS
    assert not pen._is_reusable(entry, later, now)
    assert pen._is_reusable(entry._replace(audience="network"), later, now)
    bench.time.advance(31 * DAY_MS / 1000)
    assert pen._is_reusable(entry, later, bench.engine.clock.now())
