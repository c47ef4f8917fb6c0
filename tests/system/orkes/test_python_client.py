"""The published Python client as a judge: what it does must come out as its users expect."""

import pytest

from tests.system.conftest import Product, numbers
from tests.system.orkes import judging

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

SCENARIOS = (
    "a workflow with a worker and a person",
    "polling",
    "a human task by its reference",
    "terminate",
    "definitions",
    "unknown ids",
)


@pytest.fixture(scope="module")
def outcomes(product: Product) -> judging.Outcomes:
    """What came of all scenarios, played one after another."""
    return judging.python(product, f"py{next(numbers)}")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_python_client_is_content(outcomes: judging.Outcomes, scenario: str) -> None:
    assert outcomes[scenario] is None, outcomes[scenario]


def test_every_scenario_is_listed(outcomes: judging.Outcomes) -> None:
    assert tuple(outcomes) == SCENARIOS
