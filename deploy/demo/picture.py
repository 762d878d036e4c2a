"""What all three hubs hold at one moment: equal or not, and what is still missing. Pure.

In: what `looking` saw of each hub. Out: a `Picture`, which `screen` and `plain` show. Who calls: `story`.
"""

from dataclasses import dataclass, field
from enum import Enum

FOUND_BY_WORDS = {"mdns": "mDNS", "incoming": "found us"}


class Stage(Enum):
    """How far a hub is, in the words that people read."""

    WAITING = "waits for its invite"
    STARTING = "is starting"
    LOOKING = "is looking for the hub that invited it"
    MEMBER = "runs"


@dataclass(frozen=True)
class Seen:
    """Another hub to which there is a link, and how it was found."""

    hub: str
    name: str
    found_by: str

    @property
    def how(self) -> str:
        """How it was found, for people."""
        return FOUND_BY_WORDS.get(self.found_by, self.found_by or "unknown")


@dataclass(frozen=True)
class Fingerprint:
    """What a hub holds as of an hour, in one number."""

    as_of: str = ""
    count: int = 0
    hash: str = ""


@dataclass(frozen=True)
class HubView:
    """One hub, seen from outside."""

    name: str
    stage: Stage = Stage.WAITING
    id: str = ""
    page: str = ""
    api: str = ""
    seen: tuple[Seen, ...] = ()
    records: int = 0
    needs: int = 0
    offers: int = 0
    fingerprint: Fingerprint = field(default_factory=Fingerprint)

    @property
    def posts(self) -> int:
        """How many needs and offers it holds."""
        return self.needs + self.offers


@dataclass(frozen=True)
class Picture:
    """All hubs at one moment. `sample`: how many entries it has; `to_publish`: how many are not published yet."""

    hubs: tuple[HubView, ...]
    sample: int
    to_publish: int
    seconds_to_peers: float | None = None
    seconds_to_equal: float | None = None

    @property
    def target(self) -> int:
        """How many posts each hub will hold when all is quiet, as far as anybody can know."""
        most = max(hub.posts for hub in self.hubs)
        return max(most, self.sample) if self.seconds_to_equal is None else most

    @property
    def all_see_all(self) -> bool:
        """Whether each hub has a link to each other one."""
        return not self._unseen()

    @property
    def is_equal(self) -> bool:
        """Whether everything is published and all hold the same set, by count and fingerprint of the same hour."""
        same = len({hub.fingerprint for hub in self.hubs}) == 1
        return same and self.hubs[0].fingerprint.hash != "" and not self.to_publish

    @property
    def is_complete(self) -> bool:
        """Whether all is as it should be in the end.

        The hubs are looked at one after the other, so three old looks may agree; hence the whole sample is asked for.
        """
        return self.all_see_all and self.is_equal and all(hub.posts >= self.sample for hub in self.hubs)

    def missing(self) -> list[str]:
        """Say, a line each, what is not as it should be in the end."""
        lines = [f"{hub.name} {hub.stage.value}" for hub in self.hubs if hub.stage is not Stage.MEMBER]
        lines += [f"{hub.name} does not see {', '.join(names)}" for hub, names in self._unseen()]
        if self.to_publish:
            lines.append(f"{self.to_publish} entries of the sample are not published")
        lines += [
            f"{hub.name} holds {hub.posts} of {self.sample} posts" for hub in self.hubs if hub.posts < self.sample
        ]
        if not self.is_equal:
            held = "; ".join(f"{one.name} {one.records} ({short(one.fingerprint)})" for one in self.hubs)
            lines.append(f"the three do not hold the same: {held}")
        return lines

    def _unseen(self) -> list[tuple[HubView, list[str]]]:
        found = []
        for hub in self.hubs:
            seen = {one.hub for one in hub.seen}
            names = [one.name for one in self.hubs if one is not hub and (not one.id or one.id not in seen)]
            if names:
                found.append((hub, names))
        return found


def short(fingerprint: Fingerprint) -> str:
    """Return the beginning of a fingerprint, enough to compare by eye."""
    return fingerprint.hash[:8] or "nothing yet"
