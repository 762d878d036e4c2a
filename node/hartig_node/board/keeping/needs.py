"""What a hub does by itself with its own needs: it gives up what nothing will come of, so that something else is asked.

In: the id of an own need of which, or of whose asked offers, something may have changed. Out: steps in its account, and
in how many ms it is to be looked at again. What to give up is decided in `exchange.steward`: what was declined, what
lapsed, what asks an offer that is over, and what waited for as long as a promise holds without one; and all that was
asked of a partner network that is none any more.
"""

from hartig_node.board.accounts.books import Book, lot_chain
from hartig_node.board.accounts.kin import is_child_abroad
from hartig_node.board.accounts.ledger import Ledger
from hartig_node.board.context import Context
from hartig_node.board.deals.desk import hold_min_of
from hartig_node.board.keeping.holds import Holds
from hartig_node.board.partners.agreed import partners_of
from hartig_protocol.exchange.lot import LotChain
from hartig_protocol.exchange.need import Claim, ClaimState, NeedChain
from hartig_protocol.exchange.steward import Draft, given_up
from hartig_protocol.limits import STEPS_MAX
from hartig_protocol.records.steps import Verb


class NeedKeeping:
    """Looks after own needs. `lots_of` says which offers are asked, by need."""

    def __init__(self, context: Context, ledger: Ledger, holds: Holds) -> None:
        self._context, self._ledger, self._holds = context, ledger, holds
        self.lots_of: dict[bytes, frozenset[bytes]] = {}

    def forget(self, thread: bytes) -> None:
        """Drop what is remembered of a need."""
        self.lots_of.pop(thread, None)

    async def look(self, thread: bytes) -> int | None:
        """Do what is due in an own need; return in how many ms more will be, None where only something new can."""
        async with self._ledger.writing(thread):
            need = await self._open_claims(thread)
            lots = {lot: lot_chain(await self._ledger.book(lot)) for lot in sorted(self.lots_of[thread])}
            book = await self._ledger.level_book(thread)
            hold_min = hold_min_of(book.post.head)
            if self._is_cut_off(book):
                drafts = [Draft(thread, Verb.CANCEL, {"of": claim.id}) for claim in _open(need)][: STEPS_MAX - need.seq]
            else:
                drafts = given_up(need, self._holds.minutes(thread), hold_min, lots)
            if drafts:
                await self._ledger.write_all(thread, [(draft.head_facts, None) for draft in drafts])
                need = await self._open_claims(thread)
            dues = [self._due_ms(claim, lots.get(claim.lot), hold_min) for claim in _open(need)]
        return min((due for due in dues if due is not None), default=None)

    def _is_cut_off(self, need: Book) -> bool:
        """Tell whether a need asks a partner network with which nothing is agreed any more: nothing will come of it."""
        head = need.post.head
        return is_child_abroad(head) and head.audience not in partners_of(self._context)

    async def _open_claims(self, thread: bytes) -> NeedChain:
        """Return the chain of a need, and count and remember what is open in it."""
        need = (await self._ledger.level_book(thread)).chain
        assert isinstance(need, NeedChain)
        claims = _open(need)
        self._holds.keep(thread, frozenset(claim.id for claim in claims))
        self.lots_of[thread] = frozenset(claim.lot for claim in claims)
        return need

    def _due_ms(self, claim: Claim, lot: LotChain | None, hold_min: int) -> int | None:
        """Return in how many ms a claim has waited long enough; what is promised waits for people."""
        if lot is not None and (claim.id in lot.open_promise_of or claim.id in lot.handed_over_to):
            return None
        return self._holds.left_ms(claim.id, hold_min) or None


def _open(need: NeedChain) -> list[Claim]:
    return [claim for claim in need.claims.values() if claim.state is ClaimState.OPEN]
