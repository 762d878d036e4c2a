"""Words that the command line, the commands on a folder and a hub's own reports share: counts, and words to compare."""

WORDS_A_LINE = 4  # eight words of five letters are wider than a narrow terminal, which breaks within a word


def how_many(count: int, one: str, several: str | None = None) -> str:
    """Return a count with its noun: `1 post`, `6,000 posts`."""
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def word_lines(words: str) -> str:
    """Return words that two people compare by voice as indented lines that no terminal breaks within a word."""
    said = words.split()
    lines = (said[at : at + WORDS_A_LINE] for at in range(0, len(said), WORDS_A_LINE))
    return "\n".join("    " + " ".join(line) for line in lines)
