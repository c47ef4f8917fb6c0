"""The published JavaScript client as a judge of a product that asks applications for their keys."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.identity import KEY_HASH, SECRET, entries
from tests.support.stack import Dev, home
from tests.system.orkes import judging

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

SCENARIOS = (
    "claims, results and definitions are refused without a role",
    "a granted application claims and completes with the token that it got",
)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """Of a product with an application that may do everything, and one that may do nothing."""
    applications = [
        {"id": name, "roles": roles, "keys": [{"id": f"{name}-key", "secret_hash": KEY_HASH}]}
        for name, roles in (("boss", ["ADMIN"]), ("clerk", []))
    ]
    with home("keys") as folder:
        path = folder / "identity.json"
        known = entries(applications=applications)
        path.write_text(json.dumps(known.model_dump(mode="json")))
        settings = {"SIGNOFF_AUTHENTICATION": "required", "SIGNOFF_IDENTITY_FILE": str(path)}
        dev = Dev(folder, settings)
        plain = dev.url
        # What tells that it is ready asks as somebody, too.
        dev.url = plain.replace("://", f"://boss-key:{SECRET.replace(' ', '%20')}@")
        try:
            await dev.start()
            yield plain
        finally:
            await dev.process.stop()


async def test_the_javascript_client_gets_in_with_keys_and_as_far_as_it_is_granted(
    url: str, judge: Path
) -> None:
    outcomes = await asyncio.to_thread(
        judging.javascript_with_keys, url, judge, "boss-key", "clerk-key", SECRET
    )

    assert tuple(outcomes) == SCENARIOS
    for outcome in outcomes.values():
        assert outcome is None, outcome
