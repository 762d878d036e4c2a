"""What is held of partner networks, as the core and the engine give it: a core and a store for each, apart from ours.

Who calls: `context`, and through it whoever reads posts; tests bring their own.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from hartig_node.ports import Store, StoreError
from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.partners.serving import Serving
from hartig_protocol.values import value

logger = logging.getLogger(__name__)


class Inner(Protocol):
    """The core that keeps a partner network's records."""

    @property
    def catalog(self) -> Catalog:
        """What is accepted of that network."""


class HeldPartner(Protocol):
    """What is held of one partner network; None where its set is not open (yet)."""

    @property
    def theirs(self) -> Inner | None:
        """The core of its records."""

    @property
    def store(self) -> Store | None:
        """The store that goes with it."""

    @property
    def ours(self) -> Serving | None:
        """What it is served of our records, where both sides stand and this hub speaks with partner networks."""

    @property
    def short(self) -> Mapping[bytes, int]:
        """Of each of its hubs that gave fewer records than others, how many fewer."""


HeldPartners = Mapping[bytes, HeldPartner]
Held = tuple[Catalog, Store]


def held_of(partner: HeldPartner | None) -> Held | None:
    """Return the catalog and the store of a partner's records, where they are open."""
    if partner is None or partner.theirs is None or partner.store is None:
        return None
    return partner.theirs.catalog, partner.store


def open_sets(partners: HeldPartners) -> Sequence[tuple[bytes, Held]]:
    """Return all sets that are open, by network, always in the same order."""
    found = [(network, held_of(partners[network])) for network in sorted(partners)]
    return [(network, held) for network, held in found if held is not None]


@contextmanager
def given_up(network: bytes) -> Iterator[None]:
    """Go on without a set whose store has just been closed, dropped or damaged: it is opened anew by itself."""
    try:
        yield
    except StoreError as error:
        logger.warning("what network %s shares cannot be read now: %s", network.hex()[:8], error)


def name_of(catalog: Catalog) -> str:
    """Return what a network calls itself; empty while its rules are not here."""
    return "" if catalog.charter is None else catalog.charter.name


class OpenCore(Protocol):
    """A partner network as the federation has it."""

    @property
    def theirs(self) -> Inner | None:
        """The core of its records, where they are open."""

    @property
    def ours(self) -> Serving | None:
        """What it is served."""

    @property
    def short(self) -> Mapping[bytes, int]:
        """Of each of its hubs that gave fewer records than others, how many fewer."""


@value
class HeldSet:
    """One partner network's records in this node, and what it is served of ours."""

    theirs: Inner | None
    store: Store | None
    ours: Serving | None
    short: Mapping[bytes, int]


class HeldSets(Mapping[bytes, HeldPartner]):
    """The sets of a running node: cores by the federation, stores by the engine, as they are at the moment."""

    def __init__(self, cores: Mapping[bytes, OpenCore], stores: Mapping[bytes, Store]) -> None:
        self._cores, self._stores = cores, stores

    def __repr__(self) -> str:
        return f"<HeldSets {len(self)}>"

    def __getitem__(self, network: bytes) -> HeldSet:
        core = self._cores[network]
        return HeldSet(core.theirs, self._stores.get(network), core.ours, core.short)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._cores)

    def __len__(self) -> int:
        return len(self._cores)
