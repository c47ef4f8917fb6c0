"""What the command side needs of the read side: two narrow cuts of ``reads.Reads``.

The way to the engine is ``signoff_process.log.ports.Log``.
"""

from typing import Protocol

from signoff_gateway.reads import Cluster, CommandStatus


class ClusterReader(Protocol):
    """Looks up who owns which partition."""

    async def cluster(self) -> Cluster:
        """Brokers and partitions as they are now. Raises: ReadsError."""
        ...


class OutcomeReader(Protocol):
    """Looks up what became of commands."""

    async def command(self, identifier: str) -> CommandStatus:
        """What is on record; an id that nobody ever gave is PENDING. Raises: ReadsError."""
        ...
