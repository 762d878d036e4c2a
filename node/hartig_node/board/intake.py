"""What `status` and `/metrics` say of floods: what this hub could take in at once, what waits, and whom it is by."""

from collections import Counter
from typing import Any

from hartig_node.board.context import Context
from hartig_protocol.limits import INTAKE_BURST_RECORDS, INTAKE_COST, INTAKE_RECORDS_PER_S
from hartig_protocol.sync.fairness import NOBODYS, branch_of

INVITERS_SHOWN = 5


def intake_json(context: Context) -> dict[str, Any]:
    """Return how much may come at once, what waits here and for slow hubs, and who invited those who wrote most of it.

    `hub` is null for what comes from keys that do not stand.
    """
    state = context.engine.hub.state
    inviters: Counter[bytes | None] = Counter()
    for author, count in state.intake.authors().items():
        branch = branch_of(state.catalog, author)
        inviters[None if branch == NOBODYS else branch[-2] if len(branch) > 1 else author] += count
    names = context.names()
    return {
        "tokens": room(context),
        "capacity": INTAKE_BURST_RECORDS,
        "per_s": INTAKE_RECORDS_PER_S,
        "waiting": inviters.total(),
        "to_send": sum(len(session.out.line) for session in state.open_sessions()),
        "by": [
            {"hub": hub.hex() if hub else None, "name": names.get(hub or b""), "waiting": count}
            for hub, count in inviters.most_common(INVITERS_SHOWN)
        ],
    }


def room(context: Context) -> int:
    """Return how many records would be taken in at once just now."""
    pool = context.engine.hub.state.intake.pool
    pool.refill(context.clock.now().steady_ms)
    return max(0, pool.tokens // INTAKE_COST)
