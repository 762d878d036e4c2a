"""Charters, grants and revocations come and go together (SPEC, parts G and A)."""

import pytest

from hartig_protocol.catalog import governing
from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.events import Commit
from hartig_protocol.limits import DAY_MS
from hartig_protocol.records.keys import SigningKey, recovery_hash
from hartig_protocol.records.opening import sign_record
from hartig_protocol.records.record import Record
from hartig_protocol.records.writing import recovery_of, revoke_head
from support.federated import pact_of
from support.records import NOW_MS, charter, key, seeded
from support.shelf import HUB, NETWORK, NOON, OTHER, PROOFS, Shelf, need

HEIR, LATER_MS = NETWORK.hub(3), NOW_MS + 1_000_000
KIT = key(f"recovery of {HUB.public.hex()}")
STRANGER = key("stranger")


def version(seed: int, *, after: Record = NETWORK.charter, signers: tuple[SigningKey, ...] = (NETWORK.seat,)) -> Record:
    return charter([NETWORK.seat], seed=seed, after=after, signers=signers)


RIVALS = sorted((version(seed) for seed in range(1, 5)), key=lambda one: one.id)


def handing(successor: SigningKey = HEIR) -> Record:
    head = revoke_head(
        network=NETWORK.id,
        author=KIT.public,
        subject=HUB.public,
        stamp=NOW_MS,
        expires=LATER_MS,
        successor=successor.public,
        recovery=recovery_of(successor, NETWORK.id, recovery_hash(KIT.public)),
        consent=recovery_of(HUB, NETWORK.id, recovery_hash(KIT.public))[1],
    )
    return sign_record(head, None, [KIT])


def test_the_standing_charter_the_path_and_the_rivals_can_be_seen() -> None:
    shelf = Shelf()
    assert shelf.take(RIVALS[1]) == ["ACCEPTED"]
    assert shelf.take(RIVALS[0], RIVALS[2]) == ["ACCEPTED", "superseded"]
    charters = shelf.catalog.charters
    assert (charters.standing, charters.version) == (RIVALS[0], 2)
    assert charters.path == (NETWORK.charter, RIVALS[0])
    assert charters.rivals == (RIVALS[1],)
    assert shelf.take(RIVALS[0]) == ["KNOWN"]


def test_what_lost_leaves_with_what_follows_it_and_nothing_waits_for_it() -> None:
    follower = version(9, after=RIVALS[2])
    last = version(9, after=follower)
    shelf = Shelf(RIVALS[2], follower)
    assert follower.id in shelf.ids
    assert shelf.take(RIVALS[0], RIVALS[1]) == ["ACCEPTED", "ACCEPTED"]
    assert not {RIVALS[2].id, follower.id} & shelf.ids
    assert shelf.take(last) == ["bad_charter"]
    assert Shelf().take(last) == ["waits_record"]


def test_only_the_latest_of_what_lost_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(governing, "CHARTERS_LOST_MAX", 1)
    shelf = Shelf(*RIVALS[:2])
    assert shelf.take(RIVALS[2], RIVALS[3]) == ["superseded", "superseded"]
    codes = [shelf.take(version(9, after=lost)) for lost in RIVALS[2:]]
    assert sorted(codes) == [["bad_charter"], ["waits_record"]]


def test_what_nobody_has_signed_who_may_pushes_nothing_that_lost_out_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(governing, "CHARTERS_LOST_MAX", 3)
    shelf = Shelf(*RIVALS[:2])
    lost, follower = RIVALS[2], version(9, after=RIVALS[2])
    assert shelf.take(lost) == ["superseded"]
    for kept in (NETWORK.charter, RIVALS[0], RIVALS[1], lost):
        invented = [version(seed, after=kept, signers=(STRANGER,)) for seed in range(4)]
        assert shelf.take(*invented) == ["bad_charter"] * 4
    assert shelf.take(follower) == ["bad_charter"]
    assert shelf.take(version(9, after=follower)) == ["bad_charter"], "it might have stood, had the one before it"
    assert shelf.take(version(9, after=invented[0], signers=(STRANGER,))) == ["waits_record"], "nobody honest has it"


def test_a_catalog_that_is_loaded_stands_by_the_same_charters() -> None:
    follower = version(9, after=RIVALS[0])
    shelf = Shelf(RIVALS[1], follower, RIVALS[0])
    held = shelf.catalog
    again = Catalog(NETWORK.id)
    again.load(list(held.entries.values()), reversed(list(held.governance.values())), held.last_n, held.running)
    again.refresh(NOON, Commit())
    assert again.charters == held.charters
    assert again.authority == held.authority


def test_what_is_to_stay_is_given_again_in_the_commit_that_removes_who_gave_it() -> None:
    """The records of a hub that stays are not gone for a moment."""
    below, gone = NETWORK.hub(4), NETWORK.hub(5)
    given = [NETWORK.grant(one.public, author=HUB, place=place, invites=0) for place, one in enumerate((below, gone))]
    theirs = [NETWORK.need(below), NETWORK.need(gone)]
    shelf = Shelf(*given, *theirs, need())
    again = NETWORK.grant(below.public, place=7)
    assert shelf.take(again, NETWORK.revoke(HUB.public)) == ["ACCEPTED"] * 2
    assert theirs[0].id in shelf.ids
    assert theirs[0].id not in shelf.commit.removed
    assert {given[0].id, given[1].id, theirs[1].id} <= set(shelf.commit.removed)


def test_old_versions_that_come_again_cost_no_look_at_who_may_act(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = (NETWORK.grant(key("guest").public, author=HUB, place=5, invites=0, seq=seq) for seq in (1, 2))
    shelf = Shelf(new)
    monkeypatch.setattr(shelf.catalog, "_authority", None)
    assert shelf.take(old) == ["superseded"]


def test_the_path_of_a_successor_names_the_revocation_by_which_it_came() -> None:
    grant = NETWORK.grant(HUB.public, place=1, recovery_of=HUB, seq=2)
    handed = handing()
    shelf = Shelf(grant, RIVALS[0], handed)
    path = shelf.catalog.path_of(HEIR.public)
    assert [record.id for record in path] == [one.id for one in (NETWORK.charter, RIVALS[0], grant, handed)]
    newcomer = Catalog(NETWORK.id)
    newcomer.take(path, NOON, Commit())
    assert newcomer.authority.standings[HEIR.public] == shelf.catalog.authority.standings[HEIR.public]
    assert newcomer.authority.standing(HUB.public) is None


def test_an_organisers_removal_ends_what_a_recovery_key_handed_on() -> None:
    grant = NETWORK.grant(HUB.public, place=1, recovery_of=HUB, seq=2)
    organiser = NETWORK.grant(OTHER.public, place=8, rank="organiser")
    shelf = Shelf(grant, organiser, handing(), NETWORK.need(HEIR))
    assert shelf.catalog.authority.standing(HEIR.public) is not None
    shelf.take(NETWORK.revoke(HUB.public, author=OTHER))
    assert shelf.catalog.authority.standing(HEIR.public) is None
    assert NETWORK.need(HEIR).id not in shelf.ids


def test_a_charter_that_ousts_a_seat_takes_the_proof_of_what_it_granted() -> None:
    heirs = charter([STRANGER], after=NETWORK.charter, signers=[NETWORK.seat])
    shelf = Shelf(need())
    again = NETWORK.grant(HUB.public, author=STRANGER)
    assert shelf.take(heirs, again) == ["ACCEPTED"] * 2
    assert need().id in shelf.ids
    assert not {record.id for record in PROOFS[1:] if record.head.kind == 2} & shelf.ids


def test_what_a_recovery_key_says_of_a_key_that_a_seat_removed_waits_until_something_leads_there() -> None:
    by_kit = NETWORK.revoke(STRANGER.public, author=KIT, consenting=STRANGER)
    shelf = Shelf(NETWORK.revoke(STRANGER.public))
    assert shelf.take(by_kit) == ["waits_proof"]
    assert shelf.take(NETWORK.grant(STRANGER.public, place=9), by_kit) == ["ACCEPTED"] * 2


# --- Pacts


SPEAKER, PARTNER = NETWORK.hub(4), seeded("partner", 16)
SPEAKING = NETWORK.grant(SPEAKER.public, place=9, rank="organiser", places=10)


def test_a_pact_takes_the_place_of_a_post_with_all_its_steps() -> None:
    post = NETWORK.offer(SPEAKER, place=5)
    steps = [NETWORK.step(SPEAKER, post)]
    pact = pact_of(NETWORK, PARTNER, SPEAKER, place=5, expires=NOW_MS + 90 * DAY_MS)
    shelf = Shelf(SPEAKING, post, *steps)
    assert shelf.take(pact) == ["ACCEPTED"]
    assert not {post.id, *(one.id for one in steps)} & shelf.ids
    assert shelf.take(NETWORK.revise(SPEAKER, post)) == ["superseded"]


def test_a_pact_has_no_steps_that_would_stay_when_it_goes() -> None:
    pact = pact_of(NETWORK, PARTNER, SPEAKER, place=5)
    assert Shelf(SPEAKING, pact).take(NETWORK.step(SPEAKER, pact)) == ["bad_step"]


def test_a_key_says_no_more_pacts_than_it_has_places() -> None:
    pacts = [pact_of(NETWORK, PARTNER, SPEAKER, place=place) for place in (9, 10)]
    shelf = Shelf(SPEAKING)
    assert shelf.take(*pacts) == ["ACCEPTED", "waits_proof"]
    fewer = NETWORK.grant(SPEAKER.public, place=9, rank="organiser", places=9, seq=2, stamp=NOW_MS + 1)
    assert shelf.take(fewer) == ["ACCEPTED"]
    assert pacts[0].id not in shelf.ids
