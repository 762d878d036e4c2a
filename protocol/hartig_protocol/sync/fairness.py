"""Who is next, where more waits than can be dealt with: turn by turn down the tree of grants (SPEC, part S).

In: items, each with its branch: the keys from a seat down to whoever it belongs to. Out: one after the other. At every
level those who have something waiting take turns: a key's own items, and the subtree of each that it has invited. So
whoever lets thousands speak gets for all of them together one turn in each round of its neighbours, and whoever says
little is next, whatever the others say. Who calls: `intake` for what has come, `outbound` for what is to go.
"""

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.limits import BRANCH_KEYS_MAX

Branch = tuple[bytes, ...]
OWN = b""  # a key's own items, beside the subtrees of those that it has invited
NOBODYS: Branch = (b"?",)  # of all keys that do not stand together, since anybody can make such keys
_T = TypeVar("_T")


def branch_of(catalog: Catalog, key: bytes) -> Branch:
    """Return the keys from a seat down to this one, each granted by the one before it."""
    authority, branch = catalog.authority, [key]
    standing = authority.standing(key)
    if standing is None:
        return NOBODYS
    while standing is not None and standing.grant is not None and len(branch) < BRANCH_KEYS_MAX:
        branch.append(catalog.governance[standing.grant].head.author)
        standing = authority.standing(branch[-1])
    return tuple(reversed(branch))


@dataclass(slots=True)
class _Node(Generic[_T]):
    """One level: what waits in and below it, whose turn it is next (the first), or the items themselves."""

    count: int = 0
    below: OrderedDict[bytes, "_Node[_T]"] = field(default_factory=OrderedDict)
    items: deque[_T] = field(default_factory=deque)


_Way = list[tuple[_Node[_T], bytes]]


def _turn_over(way: _Way[_T]) -> None:
    """Whoever had this turn, at each level, is last now."""
    for above, key in way:
        if key in above.below:
            above.below.move_to_end(key)


class FairQueue(Generic[_T]):
    """Items of many branches, each branch served in its turn."""

    def __init__(self) -> None:
        self._root: _Node[_T] = _Node()

    def __repr__(self) -> str:
        return f"<FairQueue {len(self)} items>"

    def __len__(self) -> int:
        return self._root.count

    def push(self, branch: Branch, item: _T, *, newest_first: bool = False) -> None:
        """Let an item wait: after all of its own branch, or before them."""
        node = self._root
        node.count += 1
        for key in (*branch, OWN):
            node = node.below.setdefault(key, _Node())
            node.count += 1
        if newest_first:
            node.items.appendleft(item)
        else:
            node.items.append(item)

    def first(self) -> _T:
        """Return the item whose turn it is, which goes on waiting; there must be one."""
        return self._way_to_first()[1].items[0]

    def pop(self) -> _T:
        """Take the item whose turn it is; there must be one."""
        way, node = self._way_to_first()
        self._taken(way, node)
        _turn_over(way)
        return node.items.popleft()

    def skip(self) -> None:
        """Let the item whose turn it is sit out; there must be one."""
        _turn_over(self._way_to_first()[0])

    def _way_to_first(self) -> tuple["_Way[_T]", "_Node[_T]"]:
        way, node = [], self._root
        while node.below:
            key = next(iter(node.below))
            way.append((node, key))
            node = node.below[key]
        return way, node

    def pop_heaviest(self) -> _T:
        """Take, of the branch with the most items at every level, the one that would be served last."""
        way, node = [], self._root
        while node.below:
            key, most = max(node.below.items(), key=lambda pair: pair[1].count)
            way.append((node, key))
            node = most
        self._taken(way, node)
        return node.items.pop()

    def drop(self, branch: Branch) -> int:
        """Let go of all items of a branch and of those below it; return how many there were."""
        way, node = self._way_to(branch)
        count = node.count
        self._taken(way, node, count)
        return count

    def pop_own(self, branch: Branch, count: int) -> list[_T]:
        """Take so many of a branch's own items, the first ones, whosever turn it is."""
        way, leaf = self._way_to((*branch, OWN))
        items = [leaf.items.popleft() for _ in range(min(count, leaf.count))]
        self._taken(way, leaf, len(items))
        return items

    def _way_to(self, branch: Branch) -> tuple["_Way[_T]", "_Node[_T]"]:
        """Return what is above a branch, and its node; nothing, and an empty one, where nothing of it waits."""
        way, node = [], self._root
        for key in branch:
            if key not in node.below:
                return [], _Node()
            way.append((node, key))
            node = node.below[key]
        return way, node

    def _taken(self, way: "_Way[_T]", leaf: "_Node[_T]", count: int = 1) -> None:
        leaf.count -= count
        for above, key in reversed(way):
            above.count -= count
            if not above.below[key].count:
                del above.below[key]

    def __iter__(self) -> Iterator[_T]:
        """Look at all items, in no order that means anything."""
        todo = [self._root]
        while todo:
            node = todo.pop()
            yield from node.items
            todo += node.below.values()
