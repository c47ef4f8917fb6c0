"""The routes of definitions, executions and workers' tasks."""

from collections.abc import Iterable

from signoff_gateway.dialects.orkes.forms import Forms
from signoff_gateway.dialects.orkes.metadata import Metadata
from signoff_gateway.dialects.orkes.polling import Polling
from signoff_gateway.dialects.orkes.task_updates import TaskUpdates
from signoff_gateway.dialects.orkes.workflow_search import WorkflowSearch
from signoff_gateway.dialects.orkes.workflows import Workflows
from signoff_gateway.exchange import Route
from signoff_gateway.reads import Reads
from signoff_gateway.sending import Sender
from signoff_gateway.subscriptions import Subscriptions
from signoff_process.clock import Clock


def execution_routes(
    sender: Sender, subscriptions: Subscriptions, reads: Reads, clock: Clock, forms: Forms
) -> Iterable[Route]:
    """All routes of ``/api/metadata``, ``/api/workflow`` and ``/api/tasks``."""
    yield from Metadata(sender, reads).routes()
    yield from Workflows(sender, reads).routes()
    yield Route("GET", "/api/workflow/search", WorkflowSearch(reads).search)
    yield from Polling(subscriptions, clock).routes()
    yield from TaskUpdates(sender, reads, forms).routes()
