"""Who owns which partition, in dictionaries: the counterpart of ``memory.store``."""

from signoff_broker.memory.store import MemoryDatabase, MemoryStore
from signoff_broker.ports import ClusterView, Held, PartitionView, Recovery


class MemoryOwnership:
    """``ports.Ownership`` of one broker over a shared ``MemoryDatabase``."""

    def __init__(self, database: MemoryDatabase, broker_id: str) -> None:
        self._database = database
        self._id = broker_id

    async def heartbeat(self) -> ClusterView:
        """See ``ports.Ownership``."""
        self._database.brokers.add(self._id)
        views: list[PartitionView] = []
        for number, partition in sorted(self._database.partitions.items()):
            ours = partition.owner == self._id
            if ours:
                partition.alive = True
            epoch = partition.fence[1]
            views.append(PartitionView(number, partition.owner, epoch, partition.alive, ours))
        return ClusterView(views, len(self._database.brokers))

    async def take(self, partition: int) -> Held | None:
        """See ``ports.Ownership``."""
        rows = self._database.partitions[partition]
        if rows.alive and rows.owner != self._id:
            return None
        unclean = bool(rows.owner)
        epoch = rows.fence[1] + 1
        rows.owner, rows.alive, rows.fence = self._id, True, (self._id, epoch)
        recovery = Recovery()
        if rows.steps:
            newest = rows.steps[-1]
            recovery = Recovery(
                position=newest.position,
                now=newest.now,
                last_key=newest.last_key,
                commands_offset=newest.commands_offset,
                results_offset=newest.results_offset,
                relayed=rows.relayed,
            )
        store = MemoryStore(self._database, partition, rows.fence)
        return Held(partition, epoch, store, recovery, unclean)

    async def release(self, partition: int) -> None:
        """See ``ports.Ownership``."""
        rows = self._database.partitions[partition]
        if rows.owner == self._id:
            rows.owner, rows.alive = "", False

    async def leave(self) -> None:
        """See ``ports.Ownership``."""
        self._database.brokers.discard(self._id)

    async def close(self) -> None:
        """See ``ports.Ownership``."""
        await self.leave()
        for partition in self._database.partitions:
            await self.release(partition)
