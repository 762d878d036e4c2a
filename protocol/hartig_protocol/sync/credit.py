"""What may come beyond the tokens, within an hour: what a hub lacks, from the peer that it catches up with (SPEC S6).

So a newcomer fetches at full speed. That a peer says how much it holds proves nothing: credit pays only for records by
which more is held than ever in this hour. What is known, refused, void, or only takes another's place is paid for with
tokens, and whoever overdraws these by it has no more credit. Nobody's subtree takes more than it leaves for all others.

In: who feeds us, what was held before and after, and what it cost. Out: whether credit goes on. Who calls: `feeding`,
`intake`.
"""

from collections import Counter

from hartig_protocol.limits import HOUR_MS, INTAKE_CATCH_UP_RECORDS, INTAKE_COST, INTAKE_WASTE_RECORDS, INTAKE_WASTERS
from hartig_protocol.sync.fairness import Branch


class Credit:
    """The allowance of the hour, in thousandths of a record, and what each key's subtree has had of it."""

    def __init__(self) -> None:
        self._since_ms: int | None = None
        self._held_most = 0
        self._begin()

    def _begin(self) -> None:
        self.left = INTAKE_CATCH_UP_RECORDS * INTAKE_COST
        self._spent: Counter[bytes] = Counter()
        self._wasted: Counter[bytes] = Counter()
        self._wasted_itself: Counter[bytes] = Counter()

    def allows(self, branch: Branch, held: int, now_ms: int) -> bool:
        """Whether what comes from there now may come on credit; `held` is how many records are held before it."""
        if self._since_ms is None or now_ms - self._since_ms >= HOUR_MS:
            self._since_ms, self._held_most = now_ms, held
            self._begin()
        self._held_most = max(self._held_most, held)
        return all(self._spent[key] < self.left for key in _payers(branch)) and not self._is_forfeit(branch)

    def _is_forfeit(self, branch: Branch) -> bool:
        """Whether this peer has wasted too much, or several below one inviter together."""
        most = INTAKE_WASTE_RECORDS * INTAKE_COST
        subtrees = (self._wasted[key] for key in _payers(branch))
        return self._wasted_itself[branch[-1]] >= most or any(one >= INTAKE_WASTERS * most for one in subtrees)

    def pay(self, branch: Branch, cost: int, count: int, held: int) -> int:
        """Return what of the cost of so many records is paid: as much as they have added to what is `held`."""
        grown = min(count, max(0, held - self._held_most))
        paid = cost * grown // max(1, count)
        self._held_most += grown
        self.left -= paid
        for key in _payers(branch):
            self._spent[key] += paid
        return paid

    def wasted(self, branch: Branch, tokens: int) -> None:
        """What came on credit was none of what was lacking, and there were no tokens for it.

        One key, or one subtree, counts above it for no more than ends its own credit, so alone it ends nobody else's.
        """
        most, before = INTAKE_WASTE_RECORDS * INTAKE_COST, self._wasted_itself[branch[-1]]
        after = self._wasted_itself[branch[-1]] = before + tokens
        for key in reversed(_payers(branch)):
            more, before = min(most, after) - min(most, before), self._wasted[key]
            after = self._wasted[key] = before + more


def _payers(branch: Branch) -> Branch:
    """Return whose subtrees pay: all but the seat's, of which nearly everybody is."""
    return branch[1:] or branch
