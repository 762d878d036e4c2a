"""For those who watch the hub: is it alive, is it ready, and its figures for Prometheus.

In: the board, and the counters of the API itself. Out: endpoints. `/healthz` and `/readyz` need no token, because
what watches them has none; they tell nothing about posts or people. The text of `/metrics` is written by
`prometheus_client`. Who calls: `app`.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from hartig_node.api.answers import NO_STORE, answer
from hartig_node.api.endpoints import PUBLIC, READ, Endpoint
from hartig_node.board.board import Board

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"})


class ApiFigures:
    """What the API counts of itself, at all its doors together."""

    def __init__(self) -> None:
        self._answers: Counter[tuple[str, str]] = Counter()

    def answered(self, method: str, status: int) -> None:
        """Count an answer; methods that nobody knows are one."""
        self._answers[method if method in _METHODS else "other", str(status)] += 1

    def collect(self) -> Iterable["Metric"]:
        """Give the figures as Prometheus has them."""
        from prometheus_client.core import CounterMetricFamily

        family = CounterMetricFamily("hartig_api_answers", "Answers of the node API.", labels=("method", "status"))
        for labels, count in sorted(self._answers.items()):
            family.add_metric(labels, count)
        yield family


def health_endpoints(board: Board, figures: ApiFigures) -> list[Endpoint]:
    """Return the routes for those who watch."""
    health = _Health(board, figures)
    return [
        Endpoint("GET", "/healthz", health.alive, PUBLIC),
        Endpoint("GET", "/readyz", health.ready, PUBLIC),
        Endpoint("GET", "/metrics", health.metrics, READ),
    ]


@dataclass(frozen=True, slots=True)
class _Health:
    board: Board
    figures: ApiFigures

    async def alive(self, request: web.Request) -> web.Response:
        """Say that the process answers."""
        return answer(request, {"alive": True}, cache=NO_STORE)

    async def ready(self, request: web.Request) -> web.Response:
        """Say whether the hub does its work, and what is in the way."""
        ready, problems = await self.board.status.ready()
        return answer(request, {"ready": ready, "problems": problems}, status=200 if ready else 503, cache=NO_STORE)

    async def metrics(self, _request: web.Request) -> web.Response:
        """Write all figures as Prometheus text."""
        # Late: a megabyte that a hub whose figures nobody asks for need not hold.
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

        registry = CollectorRegistry()
        partners = await self.board.status.partners()
        registry.register(_Collected(await self.board.status.metrics(), partners, self.figures))
        headers = {"Content-Type": CONTENT_TYPE_PLAIN_0_0_4, "Cache-Control": NO_STORE}
        return web.Response(body=generate_latest(registry), headers=headers)


class _Collected:
    """The board's figures of one moment, and after them the API's own."""

    def __init__(self, figures: dict[str, float], partners: Sequence[dict[str, Any]], own: ApiFigures) -> None:
        self._figures, self._partners, self._own = figures, partners, own

    def collect(self) -> Iterable["Metric"]:
        """Give every figure a type: those that end in _total only grow."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        for name, value in sorted(self._figures.items()):
            words = name.removeprefix("hartig_").removesuffix("_total").replace("_", " ")
            family = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            yield family(name, f"{words.capitalize()} (node/API.md).", value=value)
        for name, what in (("hartig_partner_records", "records"), ("hartig_partner_links", "links")):
            gauge = GaugeMetricFamily(name, f"Partner {what} by network (node/API.md).", labels=("network",))
            for one in self._partners:
                gauge.add_metric((one["id"],), one[what])
            yield gauge
        yield from self._own.collect()
