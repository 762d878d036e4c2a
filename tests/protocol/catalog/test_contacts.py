"""When the bodies of contacts go: 48 hours after what they name has ended, in whatever order that comes (SPEC L8)."""

from collections.abc import Iterator
from itertools import permutations

import pytest

from hartig_protocol.catalog import contacts
from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.catalog.contacts import NAMING, OpenContacts, StepsAhead, naming
from hartig_protocol.catalog.entry import Body
from hartig_protocol.catalog.fingerprint import AuditSet, ids_as_of
from hartig_protocol.encoding import encode
from hartig_protocol.events import Commit
from hartig_protocol.limits import CONTACT_KEPT_MS, HOUR_MS, MINUTE_MS
from hartig_protocol.records.record import Kind, Record
from support.records import NOW_MS
from support.shelf import HUB, NETWORK, NOON, OTHER, PROOFS, UNTRUSTED, Shelf, at, need

BOX = encode({"box": bytes(64)})
CLAIM = bytes([7]) * 32
LOT = NETWORK.post(HUB, Kind.OFFER)
LATE = at(NOW_MS + 100 * HOUR_MS)
NEXT_HOUR_MS = NOW_MS + 101 * HOUR_MS


class Story:
    """A chain that is written step by step, a minute apart."""

    def __init__(self, register: Record = LOT, steps: tuple[Record, ...] = ()) -> None:
        self.register, self.steps = register, list(steps)

    def say(self, verb: str, *, stamp: int | None = None, **facts: object) -> Record:
        """The next step."""
        before = self.steps[-1] if self.steps else None
        self.steps.append(
            NETWORK.step(
                HUB,
                self.register,
                before,
                kind=Kind.STEP,
                facts={"verb": verb, **facts},
                body=BOX if verb == "contact" else None,
                stamp=NOW_MS + len(self.steps) * MINUTE_MS if stamp is None else stamp,
            )
        )
        return self.steps[-1]

    def fork(self, seq: int) -> "Story":
        """The same chain up to before a seq, to be told otherwise."""
        return Story(self.register, tuple(self.steps[: seq - 1]))


def promised(claim: bytes = CLAIM) -> tuple[Story, Record, Record]:
    """A lot that has promised, with the promise and its contact."""
    story = Story()
    story.say("count", quantity=9, why="opened")
    promise = story.say("promise", claim=claim, quantity=1, hold=60)
    return story, promise, story.say("contact", of=promise.id)


def claimed() -> tuple[Story, Record, Record]:
    """A need that has claimed, with the claim and its contact."""
    story = Story(need())
    story.say("count", quantity=9, why="needed")
    claim = story.say("claim", lot=bytes(16), quantity=1, asks=1)
    return story, claim, story.say("contact", of=claim.id)


def due_of(step: Record) -> int:
    return step.head.stamp + CONTACT_KEPT_MS


def endings() -> Iterator[tuple[Story, Record, Record]]:
    """Every way in which what a contact names ends: the chain, the contact, the step that ends it."""
    for facts in (
        {"verb": "handover", "quantity": 1},
        {"verb": "release", "why": "lapsed"},
    ):
        story, promise, contact = promised()
        yield story, contact, story.say(**facts, of=promise.id)
    story, _, contact = promised()
    yield story, contact, story.say("release", of=CLAIM, why="cancelled")
    story, claim, contact = claimed()
    yield story, contact, story.say("cancel", of=claim.id)
    story, claim, contact = claimed()
    yield story, contact, story.say("receive", of=claim.id, how="ok", quantity=1)


ENDINGS = list(endings())


@pytest.mark.parametrize(("story", "contact", "end"), ENDINGS, ids=lambda one: getattr(one, "head", None) and "-")
def test_a_contacts_body_goes_48_hours_after_what_it_names_has_ended(
    story: Story, contact: Record, end: Record
) -> None:
    shelf = Shelf(story.register, *story.steps)
    assert not shelf.sweep(at(due_of(end) - 1))
    assert not shelf.sweep(at(due_of(end), trusted=False))
    assert shelf.sweep(at(due_of(end))).bodies_removed == [contact.id]
    assert shelf.catalog.entries[contact.id].body is Body.GONE
    assert not shelf.sweep(LATE)
    assert shelf.take(contact, now=at(due_of(end))) == ["body_due"]
    assert shelf.take(contact, now=at(due_of(end) - 1)) == ["body_back"]
    assert shelf.sweep(at(due_of(end))).bodies_removed == [contact.id]


@pytest.mark.parametrize(("story", "contact", "end"), ENDINGS, ids=lambda one: getattr(one, "head", None) and "-")
def test_a_contact_is_complete_without_its_body_once_that_is_due(story: Story, contact: Record, end: Record) -> None:
    stripped = [step.without_body() for step in story.steps]
    shelf = Shelf(story.register)
    assert shelf.take(*stripped, now=at(due_of(end) - 1)) == ["ACCEPTED"] * 2 + ["waits_body", "waits_record"]
    assert shelf.take(*stripped[2:], now=at(due_of(end))) == ["ACCEPTED"] * 2
    assert shelf.take(contact, now=at(due_of(end))) == ["body_due"]


def test_an_open_promise_keeps_its_contact_as_long_as_the_thread_has_bodies() -> None:
    story, promise, contact = promised()
    other = story.say("promise", claim=bytes([8]) * 32, quantity=1, hold=60)
    second = story.say("contact", of=other.id)
    story.say("release", of=other.id, why="lapsed")
    story.say("handover", quantity=1, claim=CLAIM)
    story.say("count", quantity=1, why="given_back", of=promise.id)
    shelf = Shelf(LOT, *story.steps)
    assert shelf.sweep(LATE).bodies_removed == [second.id]
    assert shelf.take(second.without_body(), contact, now=LATE) == ["KNOWN", "KNOWN"]


def test_the_end_of_an_earlier_promise_of_the_same_claim_is_another_end() -> None:
    story, promise, first = promised()
    handover = story.say("handover", of=promise.id, quantity=1)
    again = story.say("promise", claim=CLAIM, quantity=1, hold=60, stamp=NOW_MS + 9 * HOUR_MS)
    second = story.say("contact", of=again.id, stamp=NOW_MS + 9 * HOUR_MS)
    end = story.say("release", of=CLAIM, why="lapsed", stamp=NOW_MS + 10 * HOUR_MS)
    shelf = Shelf(LOT, *story.steps, now=at(NOW_MS + 11 * HOUR_MS))
    assert shelf.sweep(at(due_of(handover))).bodies_removed == [first.id]
    assert shelf.sweep(at(due_of(end))).bodies_removed == [second.id]


def test_what_ended_before_a_contact_does_not_end_it() -> None:
    story = Story()
    story.say("count", quantity=9, why="opened")
    story.say("release", of=CLAIM, why="declined")
    promise = story.say("promise", claim=CLAIM, quantity=1, hold=60)
    contact = story.say("contact", of=promise.id)
    shelf = Shelf(LOT, *story.steps)
    assert not shelf.sweep(LATE)
    assert Shelf(LOT).take(*story.steps[:3], contact.without_body(), now=LATE)[3] == "waits_body"


def test_of_several_ends_the_first_counts() -> None:
    story, claim, contact = claimed()
    first = story.say("cancel", of=claim.id)
    story.say("receive", of=claim.id, how="ok", quantity=1, stamp=NOW_MS + HOUR_MS)
    shelf = Shelf(story.register, *story.steps)
    assert shelf.sweep(at(due_of(first))).bodies_removed == [contact.id]


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_in_whatever_order_it_comes_the_same_is_held(order: tuple[int, ...]) -> None:
    story, promise, contact = promised()
    story.say("handover", of=promise.id, quantity=1)
    shelf = Shelf(LOT)
    left = [story.steps[index].without_body() for index in order]
    for _ in order:  # what waits is tried again, with all that has come
        left = [step for step in left if shelf.take(step, now=LATE) != ["ACCEPTED"]]
    assert shelf.ids == {record.id for record in (*PROOFS, LOT, *story.steps)}
    assert shelf.take(contact, now=LATE) == ["body_due"]


def test_a_step_that_waits_ends_what_is_held() -> None:
    story, promise, contact = promised()
    between = story.say("count", quantity=1, why="found")
    end = story.say("handover", of=promise.id, quantity=1)
    shelf = Shelf(LOT, *story.steps[:3])
    assert shelf.take(end) == ["waits_record"]
    assert shelf.sweep(at(due_of(end))).bodies_removed == [contact.id]
    assert shelf.take(between, end) == ["ACCEPTED"] * 2
    assert shelf.take(contact, now=LATE) == ["body_due"]


def test_an_end_that_is_held_counts_before_a_later_one_that_waits() -> None:
    story, promise, contact = promised()
    end = story.say("handover", of=promise.id, quantity=1, stamp=NOW_MS + 2 * HOUR_MS)
    story.say("count", quantity=1, why="found")
    later = story.say("release", of=CLAIM, why="declined", stamp=NOW_MS + HOUR_MS + MINUTE_MS)  # a clock that went back
    shelf = Shelf(LOT, *story.steps[:3])
    noon = at(NOW_MS + 3 * HOUR_MS)
    assert shelf.take(later, now=noon) == ["waits_record"]
    assert not shelf.sweep(at(due_of(later) - 1))  # it is the next to go
    assert shelf.take(end, now=noon) == ["ACCEPTED"]
    assert not shelf.sweep(at(due_of(later)))
    assert shelf.sweep(at(due_of(end))).bodies_removed == [contact.id]


def test_a_body_that_comes_after_word_of_the_end_goes_in_time() -> None:
    story, promise, contact = promised()
    end = story.say("handover", of=promise.id, quantity=1)
    shelf = Shelf(LOT)
    assert shelf.take(end) == ["waits_record"]
    assert shelf.take(*story.steps[:3]) == ["ACCEPTED"] * 3
    assert shelf.sweep(at(due_of(end))).bodies_removed == [contact.id]


def test_another_hubs_step_on_this_thread_ends_nothing() -> None:
    story, promise, contact = promised()
    end = story.say("handover", of=promise.id, quantity=1)
    forged = NETWORK.step(OTHER, LOT, contact, kind=Kind.STEP, facts=dict(end.head.facts))
    shelf = Shelf(LOT, *story.steps[:3])
    assert shelf.take(forged) == ["waits_register"]
    assert not shelf.sweep(LATE)
    assert Shelf(LOT).take(forged, *story.steps[:2], contact.without_body(), now=LATE)[3] == "waits_body"


def test_the_step_that_is_needed_may_lie_beyond_what_can_wait() -> None:
    story, promise, contact = promised()
    for _ in range(600):
        story.say("count", quantity=1, why="found", stamp=NOW_MS + 3 * MINUTE_MS)
    story.say("handover", of=promise.id, quantity=1, stamp=NOW_MS + 3 * MINUTE_MS)
    shelf = Shelf(LOT)
    shelf.take(*story.steps[:2], contact.without_body(), now=LATE)
    for step in story.steps[3:]:
        assert shelf.take(step, now=LATE) == ["waits_record"]
    assert shelf.take(contact.without_body(), now=LATE) == ["ACCEPTED"]


# --- Forks


def test_a_fork_ends_what_every_contact_of_the_chain_names() -> None:
    story, _, contact = promised()
    one, two = story.fork(4), story.fork(4)
    first = one.say("count", quantity=1, why="found", stamp=NOW_MS + 10 * MINUTE_MS)
    above = one.say("count", quantity=2, why="found", stamp=NOW_MS + 50 * MINUTE_MS)
    rival = two.say("count", quantity=3, why="found", stamp=NOW_MS + 20 * MINUTE_MS)
    shelf = Shelf(LOT, *story.steps, first, above)
    assert shelf.take(rival) == ["ACCEPTED"]
    assert not shelf.sweep(at(due_of(first) - 1))
    assert shelf.sweep(at(due_of(first))).bodies_removed == [contact.id]
    fresh = Shelf(LOT)
    seen = fresh.take(*[step.without_body() for step in (*story.steps, first, rival, above)], now=at(due_of(first)))
    assert seen == ["ACCEPTED"] * 5 + ["forked"]


def test_what_a_fork_took_away_ends_nothing_more_and_is_not_mistaken() -> None:
    story, promise, contact = promised()
    one, two = story.fork(4), story.fork(4)
    first = one.say("count", quantity=1, why="found")
    other = one.say("promise", claim=bytes([9]) * 32, quantity=1, hold=60)
    lost = one.say("contact", of=other.id)
    rival = two.say("handover", of=promise.id, quantity=1)
    shelf = Shelf(LOT, *one.steps)
    assert shelf.take(rival) == ["ACCEPTED"]
    assert lost.id not in shelf.ids
    due = at(min(due_of(first), due_of(rival)))
    assert shelf.sweep(due).bodies_removed == [contact.id]


def test_a_contact_at_a_fork_waits_for_its_body_no_longer_than_others() -> None:
    story, promise, first = promised()
    rivals = []
    for number in range(4):
        other = story.fork(3)
        rivals.append(other.say("contact", of=promise.id, stamp=NOW_MS + (number + 3) * MINUTE_MS))
    low, middle, high = sorted((first, *rivals[:2]), key=lambda step: step.id)
    shelf = Shelf(LOT, *story.steps[:2], high)
    assert shelf.take(middle.without_body()) == ["waits_body"]
    when = at(min(due_of(high), due_of(middle)))
    assert shelf.take(middle.without_body(), now=at(when.wall_ms - 1)) == ["waits_body"]
    assert shelf.take(middle.without_body(), now=when) == ["ACCEPTED"]
    assert shelf.take(low.without_body(), now=at(min(due_of(low), due_of(middle)) - 1)) == ["waits_body"]
    assert shelf.take(low.without_body(), now=LATE) == ["ACCEPTED"]
    assert set(shelf.catalog.chains[LOT.head.thread].fork or ()) == {low.id, middle.id}


# --- The audit, the start, what goes


@pytest.mark.parametrize(("story", "contact", "end"), ENDINGS, ids=lambda one: getattr(one, "head", None) and "-")
def test_as_of_an_hour_a_body_may_be_gone_that_is_due_by_then(story: Story, contact: Record, end: Record) -> None:
    shelf = Shelf(story.register, *story.steps)
    audit_set = AuditSet(shelf.catalog)
    before_ms = NOW_MS + HOUR_MS
    assert contact.id in audit_set.as_of(before_ms)[0]
    shelf.sweep(at(due_of(end)))
    for hour_ms, is_inside in ((before_ms, False), (NEXT_HOUR_MS, True)):
        assert (contact.id in ids_as_of(shelf.catalog, hour_ms)) is is_inside
        assert audit_set.as_of(hour_ms)[0] == ids_as_of(shelf.catalog, hour_ms)


def test_who_lost_a_body_too_early_is_told_apart_until_word_of_the_end_comes() -> None:
    story, promise, contact = promised()
    end = story.say("handover", of=promise.id, quantity=1)
    shelf = Shelf(LOT, *story.steps[:3])
    audit_set = AuditSet(shelf.catalog)
    shelf.catalog.held.set_body(shelf.catalog.held.index.find(contact.id), Body.GONE)
    assert contact.id not in audit_set.as_of(NEXT_HOUR_MS)[0]
    shelf.take(end)
    assert contact.id in audit_set.as_of(NEXT_HOUR_MS)[0]
    assert audit_set.as_of(NEXT_HOUR_MS)[0] == ids_as_of(shelf.catalog, NEXT_HOUR_MS)


def restarted(shelf: Shelf, *records: Record) -> Catalog:
    """The catalog of a hub that starts again with what this one holds."""
    entries = list(shelf.catalog.entries.values())
    heads = {record.id: record.head for record in records}
    said = [(entry.n, *named) for entry in entries if entry.id in heads and (named := naming(heads[entry.id]))]
    assert {verb for _, verb, _ in said} <= NAMING
    catalog = Catalog(NETWORK.id)
    stock = shelf.catalog
    unknown = (10_000, "contact", bytes(32))  # of a record that is not held
    catalog.load(entries, PROOFS, stock.last_n, stock.running, [*said, unknown])
    return catalog


@pytest.mark.parametrize(("story", "contact", "end"), ENDINGS, ids=lambda one: getattr(one, "head", None) and "-")
def test_after_a_start_all_is_due_as_before(story: Story, contact: Record, end: Record) -> None:
    shelf = Shelf(story.register, *story.steps[:-1])
    catalog = restarted(shelf, *story.steps)
    assert catalog.contact_due_ms(contact.id) is None
    catalog.refresh(NOON, Commit())
    catalog.take([end], NOON, Commit())
    assert catalog.contact_due_ms(contact.id) == due_of(end)
    catalog = restarted(Shelf(story.register, *story.steps), *story.steps)
    catalog.refresh(NOON, commit := Commit())
    catalog.sweep(at(due_of(end)), commit)
    assert commit.bodies_removed == [contact.id]


def test_after_a_start_a_fork_is_an_end_as_before() -> None:
    story, _, contact = promised()
    one, two = story.fork(4), story.fork(4)
    first, rival = one.say("count", quantity=1, why="found"), two.say("count", quantity=3, why="found")
    catalog = restarted(Shelf(LOT, *story.steps, first, rival), *story.steps)
    assert catalog.contact_due_ms(contact.id) == due_of(first)
    assert catalog.contact_due_ms(story.steps[0].id) is None
    assert catalog.contact_due_ms(bytes(32)) is None


def test_what_went_with_its_thread_leaves_nothing_behind() -> None:
    story, _, _ = promised()
    shelf = Shelf(LOT, *story.steps)
    assert len(shelf.catalog.held.contacts) == 1
    shelf.take(NETWORK.post(HUB, Kind.OFFER, nonce=1, expires=(LOT.head.expires or 0) + 1))
    assert len(shelf.catalog.held.contacts) == 0
    assert repr(shelf.catalog.held.contacts) == "<OpenContacts of 0 threads>"


def test_a_contact_may_name_anything() -> None:
    story = Story()
    count = story.say("count", quantity=9, why="opened")
    contact = story.say("contact", of=LOT.id)
    again = story.say("contact", of=contact.id)
    elsewhere = story.say("contact", of=need().id)
    story.say("handover", quantity=1)
    end = story.say("release", of=contact.id, why="declined")
    shelf = Shelf(need(), Story(LOT).register, count, contact, again, elsewhere, *story.steps[4:])
    assert shelf.sweep(at(due_of(end))).bodies_removed == [again.id]


def test_nothing_ends_by_an_untrusted_clock() -> None:
    story, promise, contact = promised()
    story.say("handover", of=promise.id, quantity=1)
    shelf = Shelf(LOT, *story.steps)
    assert not shelf.sweep(UNTRUSTED)
    assert Shelf(LOT).take(*story.steps[:2], contact.without_body(), now=UNTRUSTED)[2] == "waits_body"


def test_steps_that_came_are_forgotten_thread_by_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contacts, "STEPS_AHEAD_MAX", 6)
    ahead = StepsAhead()
    stories = [Story(NETWORK.need(HUB, place=place)) for place in (1, 2)]
    for story in stories:
        for number in range(4):
            step = story.say("cancel", of=bytes([number]) * 32)
            ahead.note(step.id, step.head)
            ahead.note(step.id, step.head)
    assert len(ahead) == 4
    assert repr(ahead) == "<StepsAhead 4 of 1 threads>"
    first, second = (NETWORK.step(HUB, one.register, kind=128, facts={"verb": "contact", "of": bytes(32)}, body=BOX)
                     for one in stories)  # fmt: skip
    assert ahead.ended_ms(first.head, 0) is None
    assert ahead.ended_ms(second.head, 0) is None  # the step at its own seq is none above it


def test_of_two_forks_that_came_the_lowest_stamp_counts() -> None:
    ahead, story, _, contact = StepsAhead(), *promised()
    for stamp in (NOW_MS + 9, NOW_MS + 5, NOW_MS + 7):
        step = story.fork(5).say("count", quantity=1, why="found", stamp=stamp)
        ahead.note(step.id, step.head)
    assert ahead.ended_ms(contact.head, 0) == NOW_MS + 5


def test_open_contacts_are_found_by_what_they_name_and_by_its_claim() -> None:
    held = OpenContacts()
    assert repr(held) == "<OpenContacts of 0 threads>"
    named, claim = contacts.name_of(bytes([1]) * 32), contacts.name_of(CLAIM)
    held.add(b"thread", 5, named, claim)
    held.add(b"thread", 6, named, named)
    assert held.ended_by(b"thread", contacts.Naming("cancel", CLAIM)) == []
    assert held.ended_by(b"thread", contacts.Naming("release", CLAIM)) == [5]
    assert held.ended_by(b"thread", contacts.Naming("cancel", bytes([1]) * 32)) == [5, 6]
    held.forget(b"thread", 5)
    assert held.ended_by(b"thread", contacts.Naming("cancel", bytes([1]) * 32)) == [6]
    held.forget(b"thread", 6)
    assert len(held) == 0


@pytest.mark.parametrize("of", [7, "text", [1], bytes(32)])
def test_a_fact_of_a_promise_that_nobody_knows_is_not_what_it_names(of: object) -> None:
    """Anybody may add facts to a verb (SPEC D1), so a hub that hears of one neither falls over nor believes it."""
    story = Story()
    story.say("count", quantity=9, why="opened")
    promise = story.say("promise", claim=CLAIM, quantity=1, hold=60, of=of)
    contact = story.say("contact", of=promise.id)
    story.say("release", of=CLAIM, why="declined")
    shelf = Shelf(LOT)
    assert shelf.take(*story.steps) == ["ACCEPTED"] * 4
    assert naming(promise.head) == ("promise", CLAIM)
    assert shelf.catalog.contact_due_ms(contact.id) is not None
