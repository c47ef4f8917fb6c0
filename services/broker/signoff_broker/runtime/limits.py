"""The sizes and times of a partition's loop, as values."""

from signoff_schemas.frozen import frozen


@frozen
class Limits:
    """Bounds of one partition. Times are milliseconds."""

    batch_max: int = 200
    """Records in one fetch. A batch of 50 costs PostgreSQL 2 ms, one of 200 7 ms."""
    batch_bytes_max: int = 16 << 20
    """Roughly, what the steps of one batch, and again its pushed jobs, may come to before it ends
    early: the last one of each may go beyond, by what one step may make."""
    timers_max: int = 50
    """Due timers, and returned jobs, in one batch."""
    activations_max: int = 200
    """Jobs pushed in one batch."""
    waits_max: int = 10_000
    """Waiting jobs of one type at which no more callers are held for it."""
    instances_max: int = 20_000
    """Instances kept in memory."""
    cache_bytes_max: int = 64 << 20
    """Roughly: their variables."""
    relay_max: int = 5_000
    """Committed steps that may wait to leave before the loop waits for them."""
    idle_ms: int = 500
    """Longest sleep of the loop: bounds how late a silent subscriber is noticed."""
    marker_ms: int = 1_000
    """Least time between two rows that only move offsets, and between two updates of cursors."""
    prune_ms: int = 10_000
    """Time between two pieces of retention."""
    flush_ms: int = 3_000
    """How long a clean stop waits for messages to leave; what stays leaves after the takeover."""
    deaths_max: int = 3
    """Processes that may die at one record before it is quarantined."""
