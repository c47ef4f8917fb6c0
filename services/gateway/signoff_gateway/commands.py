"""Ids of commands, as callers give them back: where such a command is settled."""

from signoff_schemas.ids import partition_of_command

ID_LENGTH_MAX = 64


def known_partition(identifier: str, partitions: int) -> int | None:
    """The partition that settles this command; None if no gateway can have made the id."""
    if len(identifier) > ID_LENGTH_MAX or not identifier.isascii() or not identifier.isprintable():
        return None
    partition = partition_of_command(identifier)
    return partition if partition is not None and 0 < partition <= partitions else None
