"""Counts with their nouns, and words to compare that no narrow terminal breaks."""

from hartig_node.cli.output import COLUMNS_MIN
from hartig_node.wording import how_many, word_lines
from hartig_protocol.records.words import pairing_words


def test_a_count_stands_with_its_noun() -> None:
    assert [how_many(count, "post") for count in (0, 1, 2, 6000)] == ["0 posts", "1 post", "2 posts", "6,000 posts"]
    assert [how_many(count, "entry", "entries") for count in (1, 2)] == ["1 entry", "2 entries"]


def test_words_to_compare_fit_the_narrowest_terminal() -> None:
    words = pairing_words(bytes(16), bytes(32), bytes(32), bytes(32))
    lines = word_lines(words).split("\n")
    assert " ".join(" ".join(lines).split()) == words
    assert len(words) > COLUMNS_MIN > max(map(len, lines))
