"""The published JavaScript client as a judge: what it does must come out as its users expect."""

from pathlib import Path

import pytest

from tests.system.conftest import Product, numbers
from tests.system.orkes import judging

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

SCENARIOS = (
    "a workflow with a worker and a person",
    "a person's work without undici",
    "every way to search",
    "claims by a Conductor user",
    "claims for an external user",
    "what only the deprecated client can",
    "templates",
    "task results without a worker",
    "terminate",
    "definitions",
    "unknown ids",
)


@pytest.fixture(scope="module")
def outcomes(product: Product, judge: Path) -> judging.Outcomes:
    """What came of all scenarios, played one after another."""
    return judging.javascript(product, judge, f"js{next(numbers)}")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_javascript_client_is_content(outcomes: judging.Outcomes, scenario: str) -> None:
    assert outcomes[scenario] is None, outcomes[scenario]


def test_every_scenario_is_listed(outcomes: judging.Outcomes) -> None:
    assert tuple(outcomes) == SCENARIOS
