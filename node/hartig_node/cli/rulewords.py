"""Why something cannot be said about a post, in people's words: a sentence for each rule that can stop it.

In: the `rule` of a problem (SPEC, part D, and `node/API.md`, "Deals"). Out: what goes before the node's own detail.
What would be allowed stands in the problem's hint. Called by `failures`.
"""

RULES = {
    "not_opened": "nothing was counted here yet",
    "opened_already": "this was counted before",
    "not_free": "so much is not free",
    "promised_already": "it is promised already",
    "no_such_promise": "nothing is promised here",
    "promise_over": "this promise is over",
    "more_than_promised": "so much was not promised",
    "counted_already": "this was counted before",
    "still_promised": "something is still promised from it",
    "below_asked": "more than that is asked for already, or has arrived",
    "more_than_needed": "so much is not needed any more",
    "no_such_claim": "nothing was asked for here",
    "claim_over": "this was cancelled, or has arrived",
    "more_than_claimed": "so much was not asked for",
    "more_than_received": "so much is not here to give back",
    "still_asked": "something is still asked for",
    "too_much": "this is more than fits",
    "closed": "this post was closed",
    "wrong_chain": "this cannot be said of a post of this kind",
    "newer": "a newer version has written here",
}
_SAYS_NO_MORE = "what was said about this post before does not allow it"


def why_not(rule: str, detail: str) -> str:
    """Return which rule stops it, and what is wrong here; what a hub of our own refuses it says itself."""
    said = RULES.get(rule)
    if said is None or not detail:
        return said or detail
    return said if detail == _SAYS_NO_MORE else f"{said}: {detail}"
