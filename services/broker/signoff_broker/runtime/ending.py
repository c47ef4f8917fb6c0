"""Waiting for things to end, but never for ever: what does not hear a cancel is left behind.

That is safe, because whatever is left holds an old epoch and can write nothing.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

END_SECONDS = 5.0
"""More than any orderly end takes."""


async def to_its_end(work: Coroutine[Any, Any, None], name: str) -> None:
    """Wait as long as it takes; cancelled, only for as long as an end may take.

    Raises what ``work`` raises.
    """
    task = asyncio.create_task(work, name=name)
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        task.cancel()
        await _leave_behind_if_late(task)
        raise
    await task


async def soon(work: Coroutine[Any, Any, None], name: str) -> None:
    """Wait for a goodbye whose errors matter to nobody any more, but not for long."""
    task = asyncio.create_task(work, name=name)
    try:
        await _leave_behind_if_late(task)
    finally:
        task.cancel()


async def _leave_behind_if_late(task: asyncio.Task[None]) -> None:
    done, _ = await asyncio.wait({task}, timeout=END_SECONDS)
    if not done:
        error = f"still at it after {END_SECONDS} s"
    elif task.cancelled() or not (raised := task.exception()):
        return
    else:
        error = repr(raised)[:500]
    structlog.get_logger().warning("ended_badly", work=task.get_name(), error=error)
