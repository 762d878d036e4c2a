"""What `status`, `doctor`, `/readyz` and `/metrics` say: figures, and problems with what to do about them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from hartig_node.board.belonging.membership import Membership
from hartig_node.board.belonging.pairing import DeskReport, no_desk
from hartig_node.board.belonging.rules import Rules
from hartig_node.board.context import Context
from hartig_node.board.fetching import Fetching, look
from hartig_node.board.intake import intake_json, room
from hartig_node.board.timekeeper import Timekeeper
from hartig_node.board.times import rfc3339
from hartig_node.doctor import Problem, judge
from hartig_node.peers import Peer
from hartig_protocol.catalog.fingerprint import next_hour_ms

Counters = Callable[[], Mapping[str, int | float]]
_LET_IN = "admitted"  # the link ends so that the next begins as a member's: nothing is wrong


class Status:
    """Reports on one node."""

    def __init__(self, context: Context, membership: Membership, rules: Rules, timekeeper: Timekeeper) -> None:
        self._context, self._membership, self._rules, self._timekeeper = context, membership, rules, timekeeper
        self._started_ms = context.clock.now().steady_ms
        self.dial_errors: Callable[[], Mapping[bytes, str]] = dict
        self.link_counts: Counters = dict
        self.network_problems: Callable[[], list[Problem]] = list
        self.desk: Callable[[], Awaitable[DeskReport]] = no_desk
        self.other_problems: Callable[[], Awaitable[Sequence[tuple[str, str, str]]]] = _none
        self.partners: Callable[[], Awaitable[Sequence[dict[str, Any]]]] = _none

    # --- For people and programs

    async def report(self) -> dict[str, Any]:
        """Return the whole status, ready for JSON."""
        context = self._context
        catalog, now = context.pen.catalog, context.clock.now()
        store = await context.store.status()
        hour_ms = next_hour_ms(now.wall_ms)
        snapshot = context.engine.hub.state.audit_set.snapshot(hour_ms)
        desk = await self.desk()
        return {
            "hub": context.pen.key.public.hex(),
            "node": context.node_id.hex(),
            "name": context.settings.name,
            "network": {"id": context.pen.network.hex(), "name": catalog.charter.name if catalog.charter else None},
            "state": self._state(),
            "belonging": self._rules.belonging(),
            "version": context.settings.version,
            "records": len(catalog.entries),
            "posts": store.posts,
            "waiting": len(context.engine.hub.state.waiting),
            "intake": intake_json(context),
            "peers_open": len(context.engine.peers.open()),
            "partners": await self.partners(),
            "fetching": (fetching := self.fetching()).as_json(),
            "complete_at": fetching.complete_at,
            "fingerprint": {"as_of": rfc3339(hour_ms), "count": snapshot.count, "hash": snapshot.fingerprint.hex()},
            "clock": self._timekeeper.report(),
            "store": {"bytes": store.bytes_used, "unindexed": store.unindexed, "clean_start": store.clean_start},
            "ports": {
                "api": context.settings.api_port,
                "site": context.settings.site_port,
                "peers": context.settings.peer_port,
                "desk": desk.port,
            },
            "desk": desk.as_json(),
            "problems": [problem.as_json() for problem in await self.problems()],
            "uptime_s": (now.steady_ms - self._started_ms) // 1000,
        }

    def fetching(self) -> Fetching:
        """Return how far this hub has come in fetching what the others have."""
        return look(self._context)

    def _state(self) -> str:
        state = self._context.engine.hub.state
        if state.is_member:
            return "member"
        return "joining" if state.joining is not None else self._rules.former_state() or "no_network"

    def peers(self) -> list[dict[str, Any]]:
        """Return every node known, with why there is no link where there is none."""
        context = self._context
        errors = dict(self.dial_errors())
        fetched_from = self.fetching().hub
        views = []
        for peer in context.engine.peers.all():
            dial_error = errors.pop(peer.node, None)
            ended_quietly = peer.state != "open" and peer.code in ("", "closed", _LET_IN)
            views.append(
                {
                    "node": peer.node.hex(),
                    "hub": peer.hub.hex() if peer.hub else None,
                    "name": context.names().get(peer.hub or b""),
                    "state": peer.state,
                    "found_by": peer.found_by or None,
                    "address": peer.address or None,
                    "opened_by_us": peer.opened_by_us,
                    "code": peer.code or None,
                    "reason": (ended_quietly and dial_error) or _reason(peer) or dial_error or None,
                    "fetching": peer.state == "open" and peer.hub is not None and peer.hub == fetched_from,
                }
            )
        for node, reason in sorted(errors.items()):
            hub = context.engine.hub.state.hub_of(node)
            views.append(
                {
                    "node": node.hex(),
                    "hub": hub.hex() if hub else None,
                    "name": context.names().get(hub or b""),
                    "state": "closed",
                    "found_by": None,
                    "address": None,
                    "opened_by_us": False,
                    "code": None,
                    "reason": reason or "not found on the network yet",
                    "fetching": False,
                }
            )
        return views

    async def problems(self) -> list[Problem]:
        """Return what is wrong, worst first."""
        context = self._context
        said = [*self._membership.problems(), *self._rules.problems(), *await self.other_problems()]
        own = [Problem(code, what, hint) for code, what, hint in said]
        store = await context.store.status()
        others = set(context.engine.hub.state.nodes_of_hub) - {context.pen.key.public}
        found = judge(
            clock_trusted=context.clock.is_trusted(),
            stuck=context.engine.stuck,
            store_problems=() if context.engine.stuck is not None else store.problems,
            state=self._state(),
            peers_open=sum(peer.hub in others for peer in context.engine.peers.open()),
            hubs_known=len(others),
        )
        return sorted([*own, *found, *self.network_problems()], key=lambda problem: (-problem.severity, problem.code))

    async def ready(self) -> tuple[bool, list[dict[str, Any]]]:
        """Tell whether the node does its work, and what is in the way."""
        blocking = [problem for problem in await self.problems() if problem.blocks]
        return not blocking, [problem.as_json() for problem in blocking]

    # --- For machines

    async def metrics(self) -> dict[str, float]:
        """Return figures by their Prometheus names; those that end in _total only grow."""
        context = self._context
        state, store = context.engine.hub.state, await context.store.status()
        figures: dict[str, float] = {
            "hartig_records": len(state.catalog.entries),
            "hartig_posts": store.posts,
            "hartig_records_waiting": len(state.waiting),
            "hartig_intake_waiting": len(state.intake.queue),
            "hartig_intake_tokens": room(context),
            "hartig_arrivals_total": state.catalog.last_n,
            "hartig_peers_open": len(context.engine.peers.open()),
            "hartig_links": len(state.sessions),
            "hartig_records_refused_total": context.engine.refused_total,
            "hartig_feed_listeners": len(context.engine.feed),
            "hartig_store_bytes": store.bytes_used,
            "hartig_store_unindexed": store.unindexed,
            "hartig_clock_trusted": int(context.clock.is_trusted()),
            "hartig_uptime_seconds": (context.clock.now().steady_ms - self._started_ms) / 1000,
        }
        figures.update({f"hartig_{name}": value for name, value in self.link_counts().items()})
        return figures


async def _none() -> Sequence[Any]:
    return ()


def _reason(peer: Peer) -> str:
    return "" if peer.code == _LET_IN else peer.reason
