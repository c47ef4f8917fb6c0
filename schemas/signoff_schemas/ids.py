"""Keys and ids. Every one carries its partition, so that it routes itself."""

from typing import Final

KEY_BITS: Final = 51
"""A key is a signed 64-bit ``(partition_id << 51) + counter`` (DESIGN 3)."""

PARTITIONS_MAX: Final = (1 << (63 - KEY_BITS)) - 1
DEFAULT_TENANT: Final = "<default>"
SETTINGS_PARTITION: Final = 1
"""Cluster-wide settings (deployments, global listeners) are written by this partition only."""

_UUID_FRAME: Final = 0x516E0FF0_0000_1000_8000_000000000000
_UUID_LENGTH: Final = 36
_LOW_BITS: Final = 48
_LOW: Final = (1 << _LOW_BITS) - 1
_HIGH_AT: Final = 80
_HIGH: Final = (1 << (63 - _LOW_BITS)) - 1


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


def uuid_of(key: int) -> str:
    """A key in the shape of a UUID (time-based by its looks), for those who expect one."""
    text = f"{_UUID_FRAME | (key >> _LOW_BITS) << _HIGH_AT | key & _LOW:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def key_of_uuid(text: str) -> int | None:
    """The key that ``uuid_of`` has shaped; None for any other text."""
    if len(text) != _UUID_LENGTH:
        return None
    try:
        number = int(text.replace("-", ""), 16)
    except ValueError:
        return None
    key = (number >> _HIGH_AT & _HIGH) << _LOW_BITS | number & _LOW
    return key if uuid_of(key) == text.lower() else None
