"""Topic names, and who writes and reads each (DESIGN 4)."""

from enum import IntEnum
from typing import Final

COMMANDS: Final = "signoff.commands"
"""Gateways write, the broker reads. One partition a shard."""
RESULTS: Final = "signoff.results"
"""Workers and gateways write, the broker reads ahead of commands. One partition a shard."""
REPLIES: Final = "signoff.replies"
"""The broker writes; gateways read one partition each."""
JOBS: Final = "signoff.jobs"
"""The broker writes; subscribers read one partition each."""
EVENTS: Final = "signoff.events"
"""The broker writes; anyone reads. One partition a shard."""

ALL: Final = (COMMANDS, RESULTS, REPLIES, JOBS, EVENTS)


class Inlet(IntEnum):
    """The two ways into a partition, as stored with a step. TIMER never travelled."""

    COMMANDS = 0
    RESULTS = 1
    TIMER = 2
