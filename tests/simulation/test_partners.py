"""Networks with agreements in a ring and in a star: all crosses that should, and nothing goes further.

`tests/bench/run partners` does it with twenty networks of ten hubs.
"""

import pytest

from simulation.federation import Country, mean, ring, star

SHAPES = {"ring": ring, "star": star}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_hub_holds_what_its_partners_share_and_nothing_of_others(shape: str) -> None:
    country = Country.of(SHAPES[shape](8), 8, 4)
    country.share(2)
    assert country.until_equal() is not None
    country.wire.pass_time(60_000)  # cards may come later than offers
    for number, hubs in enumerate(country.hubs):
        own, partners = hubs[0].network.id, country.partners_of(number)
        known = {country.hubs[one][0].network.id for one in partners}
        for hub in hubs:
            assert country.foreign_networks(hub) <= known | {own}
            for of in partners:
                assert country.held(hub, of) == country.held(hubs[0], of)


def test_what_a_hub_hears_follows_from_its_own_agreements_alone() -> None:
    """A network in a ring of five, of ten; and one at the end of a star of four, of eight."""
    heard = {}
    for name, pairs, count in (
        ("ring of 5", ring(5), 5),
        ("ring of 10", ring(10), 10),
        ("star of 4", star(4), 4),
        ("star of 8", star(8), 8),
    ):
        country = Country.of(pairs, count, 4)
        country.wire.forget_said()
        country.share(2)
        assert country.until_equal() is not None
        at_the_edge = country.hubs[-1]
        heard[name] = mean(country.bytes_heard()[hub] for hub in at_the_edge)
    assert heard["ring of 10"] == pytest.approx(heard["ring of 5"], rel=0.02)
    assert heard["star of 8"] == pytest.approx(heard["star of 4"], rel=0.02)


def test_who_serves_less_than_another_is_noticed_and_can_forge_nothing() -> None:
    country = Country.of([(0, 1)], 2, 3)
    liar, honest = country.hubs[0][:2]
    partner = liar.federation.partners[country.hubs[1][0].network.id]
    country.share(2)
    withheld = country.offers[0][0]
    assert partner.ours is not None
    now = country.wire.now
    follow = partner.ours.follow
    partner.ours.follow = lambda commit, at: (follow(commit, at), _let_go(partner.ours, withheld.id, at))[0]  # type: ignore[method-assign]
    _let_go(partner.ours, withheld.id, now)
    assert country.until_equal() is not None  # the honest one brings it
    for link in [link for (core, link), far in country.wire.ends.items() if core is liar and far in country.hubs[1]]:
        country.wire.cut(link)
    country.wire.connect(liar, country.hubs[1][0])
    country.wire.pass_time(600_000)
    theirs = country.hubs[1][0].federation.partners[liar.network.id]
    assert theirs.short.get(liar.key.public, 0) >= 1
    others = country.hubs[1][1].federation.partners[liar.network.id]
    assert honest.key.public not in others.short


def _let_go(serving: object, record_id: bytes, now: object) -> None:
    hub = serving.hub  # type: ignore[attr-defined]
    hub.change(now, lambda step: hub.catalog.let_go([record_id], step.commit))
