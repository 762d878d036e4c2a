"""Real cores that deal with each other: two to five hubs on a fake wire, their offers and needs, real signed steps.

In: what people do, at which hub. Out: records, published where they are signed, which then travel as they do. A step is
judged by the chain as its author holds it, and is not signed if that says no. `chain` is what a hub makes of what it
holds: a fold over exactly those steps.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.catalog.entry import register_of_head
from hartig_protocol.exchange.chains import EndReason, fold
from hartig_protocol.exchange.lot import LotChain
from hartig_protocol.exchange.need import NeedChain
from hartig_protocol.exchange.step import Step
from hartig_protocol.limits import DAY_MS
from hartig_protocol.records.opening import sign_record
from hartig_protocol.records.record import Kind, Record
from hartig_protocol.records.steps import Verb
from support.cores import Core
from support.records import NOW_MS, head, post_body
from support.wire import Wire


@dataclass(eq=False)
class Post:
    """An offer or a need: its register, who wrote it, and the chain as its author has written it."""

    core: Core
    record: Record
    chain: Any
    written: list[bytes] = field(default_factory=list)
    last: Record | None = None
    parent: "Post | None" = None  # of a lot whose stock was set aside
    children: list["Post"] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"<Post of {self.core.number} {self.chain!r}>"

    @property
    def thread(self) -> bytes:
        return self.record.head.thread


class Neighbours:
    """Hubs that know each other, and everything that was ever signed."""

    def __init__(self, count: int) -> None:
        self.wire = Wire()
        self.cores = [self.wire.member(number) for number in range(1, count + 1)]
        self.posts: list[Post] = []
        self.records: dict[bytes, Record] = {}
        self.links: dict[frozenset[int], int] = {}
        self.heal()

    # --- Links

    def heal(self) -> None:
        """Connect all hubs that are not."""
        for at, one in enumerate(self.cores):
            for other in self.cores[at + 1 :]:
                self.connect(one, other)
        self.wire.deliver()

    def connect(self, one: Core, other: Core) -> None:
        pair = frozenset((one.number, other.number))
        if (one, self.links.get(pair, -1)) not in self.wire.ends:
            self.links[pair] = self.wire.connect(one, other)

    def part(self, away: Iterable[Core]) -> None:
        """Cut off each of these hubs from everybody else."""
        numbers = {core.number for core in away}
        for pair, link in list(self.links.items()):
            if numbers & pair:
                self.wire.cut(self.links.pop(pair))
                assert link not in self.links.values()

    # --- Posts and steps

    def offer(self, core: Core, *, allotment: bytes | None = None) -> Post:
        return self._post(core, Kind.OFFER, allotment)

    def need(self, core: Core) -> Post:
        return self._post(core, Kind.NEED, None)

    def _post(self, core: Core, kind: Kind, subject: bytes | None) -> Post:
        number, content = len(self.posts), post_body("Blankets")
        made = head(
            self.wire.network.id,
            kind,
            core.key.public,
            place=number,
            subject=subject or number.to_bytes(16, "big"),
            fixed=["food", "dr5rs", "C62", 1],
            facts={"mode": "give"} if kind is Kind.OFFER else {},
            stamp=NOW_MS,
            expires=NOW_MS + 14 * DAY_MS,
            body=content,
        )
        record = sign_record(made, content, [core.key])
        post = Post(core, record, fold(kind, (), thread=made.thread))
        self._publish(core, record)
        self.posts.append(post)
        return post

    def say(self, post: Post, verb: str, **facts: Any) -> Record | None:
        """Sign and publish the next step of a chain; None where the chain does not allow it."""
        record = self.signed(post, post.last, verb, **facts)
        if post.chain.judge(Step.of(record)) is not None:
            return None
        post.chain.apply(Step.of(record))
        self._publish(post.core, record)
        post.last = record
        post.written.append(record.id)
        return record

    def is_ours(self, catalog: Catalog, post: Post) -> bool:
        """Whether what is held of a chain is what its author has written, and no copy of it has."""
        held = catalog.chains.get(post.thread)
        return post.written == (held.steps if held else []) and not (held and held.fork)

    def signed(self, post: Post, before: Record | None, verb: str, **facts: Any) -> Record:
        """Sign a step after another one, whether the chain allows it or not."""
        said = {"verb": Verb(verb).value, **facts}
        return self.wire.network.step(post.core.key, post.record, before, kind=Kind.STEP, facts=said)

    def _publish(self, core: Core, record: Record) -> None:
        self.records[record.id] = record
        assert self.wire.publish(core, record) == (None,)

    # --- What a hub makes of what it holds

    def chain(self, catalog: Catalog, post: Post) -> LotChain | NeedChain:
        """Return the state of a thread from what is held of it."""
        held = catalog.chains.get(post.thread)
        register = catalog.registers.get(register_of_head(post.record.head))  # type: ignore[arg-type]
        ended = None
        if held is not None and held.fork:
            ended = EndReason.FORKED
        elif register is None or register.thread != post.thread:
            ended = EndReason.VOID
        steps = (Step.of(self.records[name]) for name in (held.steps if held else ()))
        return fold(post.record.head.kind, steps, ended, thread=post.thread)

    def holds(self, core: Core, record_id: bytes) -> bool:
        return record_id in core.hub.catalog.entries
