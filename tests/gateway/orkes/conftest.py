"""What tests of this dialect talk to: a scripted broker, and a read side that they fill."""

import pytest

from tests.support.gateway import Stack
from tests.support.orkes import WorkReads, fill


@pytest.fixture
def work(stack: Stack) -> WorkReads:
    return fill(stack.reads)
