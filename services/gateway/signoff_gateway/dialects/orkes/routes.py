"""The table of this dialect's endpoints."""

from collections.abc import Sequence

from signoff_gateway.dialects.orkes.answers import internal_error, refused
from signoff_gateway.dialects.orkes.applications import Applications
from signoff_gateway.dialects.orkes.directory_editor import DirectoryEditor
from signoff_gateway.dialects.orkes.documented import DESCRIPTION
from signoff_gateway.dialects.orkes.execution import execution_routes
from signoff_gateway.dialects.orkes.forms import Forms
from signoff_gateway.dialects.orkes.human_tasks import HumanTasks
from signoff_gateway.dialects.orkes.identity import GrantsOfAll, Logins, People
from signoff_gateway.dialects.orkes.search import TaskSearch
from signoff_gateway.dialects.orkes.templates import Templates
from signoff_gateway.exchange import Answer, Route
from signoff_gateway.identity.service import Identity
from signoff_gateway.openapi.operations import Description
from signoff_gateway.reads import Reads
from signoff_gateway.refusals import Failure
from signoff_gateway.sending import Sender
from signoff_gateway.subscriptions import Subscriptions
from signoff_process.clock import Clock
from signoff_schemas.ids import key_of_uuid


class Orkes:
    """The dialect as the application serves it.

    Args:
        sender: Takes commands.
        subscriptions: Holds job polls.
        reads: The read side.
        clock: The time.
        identity: Knows the callers, and the groups of users that applications claim for.
    """

    prefixes: Sequence[str] = ("api",)
    description: Description = DESCRIPTION

    def __init__(
        self,
        sender: Sender,
        subscriptions: Subscriptions,
        reads: Reads,
        clock: Clock,
        identity: Identity,
    ) -> None:
        forms, editor = Forms(reads), DirectoryEditor(sender, identity)
        self.routes: Sequence[Route] = (
            *HumanTasks(sender, reads, forms, identity.groups_of).routes(),
            *TaskSearch(reads).routes(),
            *Templates(sender, forms).routes(),
            *execution_routes(sender, subscriptions, reads, clock, forms),
            *Logins(identity, editor).routes(),
            *People(editor, identity).routes(),
            *GrantsOfAll(editor).routes(),
            *Applications(editor, clock).routes(),
        )

    def decode_key(self, text: str) -> int | None:
        """An id in the shape of a UUID."""
        return key_of_uuid(text)

    def refuse(self, failure: Failure, path: str) -> Answer:
        """An error body."""
        return refused(failure, path)

    def fail(self, path: str) -> Answer:  # noqa: ARG002 - errors of this dialect name no path
        """An error body with status 500."""
        return internal_error()
