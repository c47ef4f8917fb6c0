"""Reading tasks by key, many at once."""

import asyncio
from collections.abc import Collection
from typing import cast

from signoff_gateway.dialects.orkes.loading import TaskLoader
from signoff_gateway.reads import Reads


class Nothing:
    """Reads that find nothing, at once."""

    async def work_tasks(self, keys: Collection[int], tenants: None) -> dict[int, None]:
        del tenants
        return dict.fromkeys(keys)


async def test_who_asks_again_as_soon_as_it_is_answered_is_answered() -> None:
    loader = TaskLoader(cast("Reads", Nothing()))

    async def twice(key: int) -> None:
        assert await loader.ask(key) is None
        assert await loader.ask(key) is None

    async with asyncio.timeout(5):
        await asyncio.gather(twice(1), twice(2))
