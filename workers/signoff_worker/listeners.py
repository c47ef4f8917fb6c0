"""The registry of handlers. Declaring starts nothing: the function stays what it was."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from signoff_worker.job import ListenerJob, Outcome

Handler = Callable[[ListenerJob], Awaitable[Outcome | None]]
H = TypeVar("H", bound=Handler)

EVENTS = frozenset({"creating", "assigning", "updating", "completing", "canceling"})
DEFAULT_TIMEOUT = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Registration:
    """One handler and the jobs it is for."""

    job_type: str
    events: frozenset[str]
    """Empty for service tasks."""
    handler: Handler
    timeout: timedelta
    variables: tuple[str, ...]


class Listeners:
    """Handlers by job type; `@listeners.on("updating", job_type="check")` adds one."""

    def __init__(self) -> None:
        self.registrations: list[Registration] = []

    def on(
        self,
        *events: str,
        job_type: str,
        timeout: timedelta = DEFAULT_TIMEOUT,
        variables: tuple[str, ...] = (),
    ) -> Callable[[H], H]:
        """Handle listener jobs of a type for these lifecycle events.

        Args:
            events: `creating`, `assigning`, `updating`, `completing`, `canceling`.
            job_type: The listener's type in the model.
            timeout: How long a job is this worker's; then another may have it.
            variables: Names of the variables to send; none means all.

        Raises:
            TypeError: The handler is not `async def`.
            ValueError: An event that does not exist, no event, or a timeout that is not positive.
        """
        if not events or not EVENTS.issuperset(events):
            raise ValueError(f"events {events} are not among {sorted(EVENTS)}")
        return self._register(job_type, frozenset(events), timeout, variables)

    def service(
        self,
        job_type: str,
        *,
        timeout: timedelta = DEFAULT_TIMEOUT,
        variables: tuple[str, ...] = (),
    ) -> Callable[[H], H]:
        """Handle jobs of service tasks of a type; the handler may complete with variables."""
        return self._register(job_type, frozenset(), timeout, variables)

    def _register(
        self, job_type: str, events: frozenset[str], timeout: timedelta, variables: tuple[str, ...]
    ) -> Callable[[H], H]:
        if not job_type or timeout <= timedelta():
            raise ValueError("a handler needs a job type and a positive timeout")

        def register(handler: H) -> H:
            if not _is_async(handler):
                raise TypeError(f"the handler of '{job_type}' must be an async function: {handler}")
            self.registrations.append(Registration(job_type, events, handler, timeout, variables))
            return handler

        return register


def _is_async(handler: object) -> bool:
    call = getattr(handler, "__call__", None)  # noqa: B004 - of an object that is called
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(call)
