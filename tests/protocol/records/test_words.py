"""Words that two people compare: proquints, bound to both ends and to the network (SPEC I3)."""

import pytest

from hartig_protocol.records.words import pairing_words, spoken
from support.records import key, seeded

NETWORK = seeded("network", 16)
NODE, HUB, MEMBER = (key(name).public for name in ("newcomer's node", "newcomer's hub", "member's node"))


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        ((127, 0, 0, 1), "lusab babad"),
        ((63, 84, 220, 193), "gutih tugad"),
        ((63, 118, 7, 35), "gutuk bisog"),
        ((140, 98, 193, 141), "mudof sakat"),
        ((64, 255, 6, 200), "haguz biram"),
        ((212, 58, 253, 68), "tibup zujah"),
    ],
)
def test_the_examples_of_the_paper(octets: tuple[int, ...], words: str) -> None:
    assert spoken(bytes(octets)) == words


def test_eight_words_that_are_the_same_on_both_sides() -> None:
    words = pairing_words(NETWORK, NODE, HUB, MEMBER)
    assert [len(word) for word in words.split()] == [5] * 8
    assert words == pairing_words(NETWORK, NODE, HUB, MEMBER)


@pytest.mark.parametrize("position", range(4), ids=["network", "newcomer's node", "newcomer's hub", "member's node"])
def test_words_bind_each_of_what_they_are_made_of(position: int) -> None:
    parts = [NETWORK, NODE, HUB, MEMBER]
    right = pairing_words(*parts)
    parts[position] = seeded("somebody else's", len(parts[position]))
    assert pairing_words(*parts) != right
