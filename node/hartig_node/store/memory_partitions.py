"""The twin of `partitions` in dicts: its disks outlive it, as those of `MemoryStore` do."""

from collections.abc import Callable

from hartig_node.ports import StoreError
from hartig_node.store.memory import MemoryStore
from hartig_node.store.memory_disk import MemoryDisk
from hartig_protocol.limits import EPOCH_BYTES


class MemoryPartitions:
    """Implements `hartig_node.ports.Partitions` on `MemoryDisk`s. `fail_next`: what the next openings raise."""

    def __init__(
        self, disks: dict[bytes, MemoryDisk] | None = None, *, now_ms: Callable[[], int | None] = lambda: None
    ) -> None:
        self.disks = {} if disks is None else disks
        self.fail_next: list[StoreError] = []
        self.opened: dict[bytes, MemoryStore] = {}
        self._now_ms = now_ms
        self._made = len(self.disks)

    def __repr__(self) -> str:
        return f"<MemoryPartitions {len(self.opened)} of {len(self.disks)} open>"

    async def open(self, name: bytes) -> MemoryStore:
        """Return the store of a network's records, made where there is none."""
        if self.fail_next:
            raise self.fail_next.pop(0)
        if name not in self.disks:
            self._made += 1
            self.disks[name] = MemoryDisk(epoch=self._made.to_bytes(EPOCH_BYTES, "big"))
        if name not in self.opened:
            self.opened[name] = MemoryStore(self.disks[name], now_ms=self._now_ms)
        return self.opened[name]

    async def drop(self, name: bytes) -> None:
        """Close and delete a store, if there is one."""
        store = self.opened.pop(name, None)
        if store is not None:
            await store.close()
        self.disks.pop(name, None)

    async def names(self) -> list[bytes]:
        """Return the networks of which something is kept, sorted."""
        return sorted(self.disks)

    async def close(self) -> None:
        """Close all stores."""
        for name in sorted(self.opened):
            await self.opened.pop(name).close()
