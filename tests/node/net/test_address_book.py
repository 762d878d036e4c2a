import pytest

from hartig_node.net.address_book import (
    CANDIDATES_MAX,
    NODES_MAX,
    AddressBook,
    Candidate,
    Source,
    least_worth,
    order_to_try,
)

NODE = b"n" * 32


def named(*candidates: Candidate) -> list[str]:
    return [one.host for one in candidates]


MDNS = Candidate("mdns", 1, Source.MDNS)
TYPED = Candidate("typed", 1, Source.TYPED)
INVITE = Candidate("invite", 1, Source.INVITE)
CODE = Candidate("code", 1, Source.PARTNER)
CARD = Candidate("card", 1, Source.CARD)
OLD = Candidate("old", 1, Source.REMEMBERED)
GOOD = Candidate("good", 1, Source.REMEMBERED, last_success=7)
GOOD_ONCE = Candidate("good once", 1, Source.REMEMBERED, last_success=3)
GOOD_BUT_GONE = Candidate("good but gone", 1, Source.CARD, last_success=9, failures=2)
TYPED_BAD = Candidate("typed bad", 1, Source.TYPED, failures=1)
MDNS_NEWER = Candidate("mdns newer", 1, Source.MDNS, added=5)


@pytest.mark.parametrize(
    ("held", "order"),
    [
        ([], []),
        ([OLD, CARD, CODE, INVITE, TYPED, MDNS], ["mdns", "typed", "invite", "code", "card", "old"]),
        ([MDNS, TYPED, GOOD], ["good", "mdns", "typed"]),
        ([MDNS, GOOD_ONCE, GOOD], ["good", "mdns", "good once"]),
        ([GOOD_BUT_GONE, MDNS, OLD], ["mdns", "old", "good but gone"]),
        ([TYPED_BAD, OLD, MDNS], ["mdns", "old", "typed bad"]),
        ([MDNS, MDNS_NEWER], ["mdns newer", "mdns"]),
    ],
)
def test_the_last_good_address_is_tried_first_then_by_source(held: list[Candidate], order: list[str]) -> None:
    assert named(*order_to_try(held)) == order
    assert named(*order_to_try(reversed(held))) == order


@pytest.mark.parametrize(
    ("held", "worst"),
    [
        ([GOOD, TYPED, MDNS], "mdns"),
        ([GOOD, GOOD_ONCE, TYPED], "good once"),
        ([GOOD, TYPED], "typed"),
        ([MDNS, MDNS_NEWER], "mdns"),
        ([GOOD, MDNS_NEWER, Candidate("failed", 1, Source.MDNS, added=9, failures=1)], "failed"),
        ([TYPED], "typed"),
    ],
)
def test_announcements_are_forgotten_before_what_was_typed_or_good(held: list[Candidate], worst: str) -> None:
    assert least_worth(held).host == worst


def test_made_up_addresses_push_out_neither_the_good_nor_the_typed_one() -> None:
    book = AddressBook()
    book.add(NODE, "typed", 1, Source.TYPED)
    book.succeeded(NODE, "good", 1)
    for number in range(1000):
        book.add(NODE, f"10.0.0.{number}", 1, Source.MDNS)
    held = named(*book.candidates(NODE))
    assert len(held) == CANDIDATES_MAX
    assert {"typed", "good", "10.0.0.999"} <= set(held)


def test_made_up_nodes_push_out_no_node_that_answered_or_was_named() -> None:
    book = AddressBook()
    book.succeeded(b"answered", "a", 1)
    book.add(b"invited", "b", 1, Source.INVITE)
    for number in range(NODES_MAX + 20):
        book.add(number.to_bytes(32, "big"), "x", 1, Source.MDNS)
    assert len(book) == NODES_MAX
    assert {b"answered", b"invited"} <= set(book)


def test_the_same_place_is_known_once_by_its_best_source() -> None:
    book = AddressBook()
    assert book.add(NODE, "a", 1, Source.CARD)
    assert not book.add(NODE, "a", 1, Source.MDNS)
    assert not book.add(NODE, "a", 1, Source.REMEMBERED)
    assert [(one.source.label, one.host) for one in book.candidates(NODE)] == [("mdns", "a")]


def test_an_announcement_clears_old_failures() -> None:
    book = AddressBook()
    book.add(NODE, "a", 1, Source.MDNS)
    book.failed(NODE, "a", 1)
    assert book.candidates(NODE)[0].failures == 1
    book.add(NODE, "a", 1, Source.MDNS)
    assert book.candidates(NODE)[0].failures == 0


def test_a_success_clears_failures_and_knows_a_forgotten_place_again() -> None:
    book = AddressBook()
    book.failed(NODE, "a", 1)  # not known: nothing to note
    book.succeeded(NODE, "a", 1)
    book.failed(NODE, "a", 1)
    book.succeeded(NODE, "a", 1)
    (only,) = book.candidates(NODE)
    assert only.last_success
    assert only.failures == 0


def test_what_was_announced_goes_when_the_node_is_lost_unless_it_was_good() -> None:
    book = AddressBook()
    book.add(NODE, "never", 1, Source.MDNS)
    book.add(NODE, "good", 1, Source.MDNS)
    book.add(NODE, "card", 1, Source.CARD)
    book.succeeded(NODE, "good", 1)
    book.withdraw_announced(NODE)
    assert [(one.host, one.source) for one in book.candidates(NODE)] == [
        ("good", Source.REMEMBERED),
        ("card", Source.CARD),
    ]
    book.withdraw_announced(b"unknown")
    assert len(book) == 1


def test_good_places_survive_a_restart_in_their_order() -> None:
    book = AddressBook()
    book.add(NODE, "never", 1, Source.CARD)
    book.succeeded(NODE, "first", 1)
    book.succeeded(b"other", "b", 2)
    book.succeeded(NODE, "second", 1)
    again = AddressBook()
    again.remember(book.good_ones())
    assert again.good_ones() == [(NODE, "first", 1), (b"other", "b", 2), (NODE, "second", 1)]
    assert named(*again.candidates(NODE)) == ["second", "first"]


def test_a_forgotten_node_has_no_places() -> None:
    book = AddressBook()
    book.add(NODE, "a", 1, Source.CARD)
    book.forget(NODE)
    assert book.candidates(NODE) == []
    assert repr(book) == "<AddressBook 0 nodes, 0 candidates>"


def test_the_book_tells_whether_one_of_some_nodes_may_be_at_an_address() -> None:
    book = AddressBook()
    book.add(NODE, "192.0.2.1", 1, Source.CARD)
    book.add(NODE, "fe80::1%eth0", 1, Source.MDNS)
    assert book.is_at([b"o" * 32, NODE], "192.0.2.1")
    assert book.is_at([NODE], "fe80::1")
    assert not book.is_at([NODE], "192.0.2.2")
    assert not book.is_at([b"o" * 32], "192.0.2.1")
