"""Keys and ids. Every one carries its partition, so that it routes itself."""

from typing import Final

KEY_BITS: Final = 51
"""A key is a signed 64-bit ``(partition_id << 51) + counter`` (DESIGN 3)."""

PARTITIONS_MAX: Final = (1 << (63 - KEY_BITS)) - 1
DEFAULT_TENANT: Final = "<default>"
SETTINGS_PARTITION: Final = 1
"""Cluster-wide settings (deployments, global listeners) are written by this partition only."""


def key_of(partition_id: int, counter: int) -> int:
    """The key number ``counter`` of a partition."""
    return (partition_id << KEY_BITS) + counter


def partition_of(key: int) -> int:
    """The partition that a key belongs to; 0 or negative for a number that no partition made."""
    return key >> KEY_BITS


def command_id(partition_id: int, unique: str) -> str:
    """A command's id: its partition, and a uuid that the gateway made."""
    return f"c{partition_id}-{unique}"


def partition_of_command(identifier: str) -> int | None:
    """The partition in a command id, or None if it is not one."""
    head, separator, tail = identifier.partition("-")
    digits = head[1:]
    if head[:1] != "c" or not separator or not tail or not (digits.isascii() and digits.isdigit()):
        return None
    return int(digits) if len(digits) <= 4 else None
