"""Sharing fairly: equal parts, and nobody gets more than was asked (SPEC D10).

In: how much there is, and who asks for how much. Out: how much each gets. A pure function, the same on every hub.
"""

from collections.abc import Mapping


def fair_shares(total: int, asked: Mapping[bytes, int]) -> dict[bytes, int]:
    """Share `total` smallest parts among claims by id; return what each gets, also where that is 0.

    Whoever asks for less than an equal part gets all of it, and what is left is shared equally among the others. What
    cannot be divided goes, one smallest part each, to the lowest ids of those.
    """
    shares: dict[bytes, int] = {}
    left = total
    most_first = sorted(asked, key=lambda claim: (-asked[claim], claim))
    while most_first and asked[most_first[-1]] <= left // len(most_first):
        claim = most_first.pop()
        shares[claim] = asked[claim]
        left -= asked[claim]
    for number, claim in enumerate(sorted(most_first)):
        part, rest = divmod(left, len(most_first))
        shares[claim] = part + (number < rest)
    return shares
