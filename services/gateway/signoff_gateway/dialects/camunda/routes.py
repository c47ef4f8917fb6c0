"""The table of this dialect's endpoints."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from signoff_gateway.breaker import Breaker
from signoff_gateway.dialects.camunda.activation import Activation
from signoff_gateway.dialects.camunda.answers import internal_error, refused
from signoff_gateway.dialects.camunda.cluster import ClusterInfo
from signoff_gateway.dialects.camunda.command_outcomes import CommandOutcomes
from signoff_gateway.dialects.camunda.deployments import Deployments
from signoff_gateway.dialects.camunda.documented import DESCRIPTION
from signoff_gateway.dialects.camunda.global_listeners import GlobalListeners
from signoff_gateway.dialects.camunda.instances import InstanceCommands
from signoff_gateway.dialects.camunda.jobs import JobCommands
from signoff_gateway.dialects.camunda.reading import Reading
from signoff_gateway.dialects.camunda.stored_files import StoredFiles
from signoff_gateway.dialects.camunda.user_tasks import UserTaskCommands
from signoff_gateway.exchange import Answer, BodyKind, Handler, Place, Route
from signoff_gateway.metrics import Metrics
from signoff_gateway.openapi.operations import Description
from signoff_gateway.reads import Reads
from signoff_gateway.refusals import Failure
from signoff_gateway.sending import Sender
from signoff_gateway.subscriptions import Subscriptions

KEY_LENGTH_MAX: Final = 25
_ALIASED: Final = ("/v2/user-tasks", "/v2/topology")


class Camunda:
    """The dialect as the application serves it.

    Args:
        sender: Takes commands.
        subscriptions: Holds job polls.
        reads: The read side.
        breaker: Knows the cluster.
        metrics: What ``/metrics`` shows.
        partitions: Number of partitions.
        version: The version that clients are told.
    """

    prefixes: Sequence[str] = ("v1", "v2", "metrics")
    description: Description = DESCRIPTION

    def __init__(  # noqa: PLR0913 - what its endpoints stand on
        self,
        sender: Sender,
        subscriptions: Subscriptions,
        reads: Reads,
        breaker: Breaker,
        metrics: Metrics,
        *,
        partitions: int,
        version: str,
    ) -> None:
        info = ClusterInfo(breaker, metrics, partitions=partitions, version=version)
        routes = [
            *_user_task_routes(UserTaskCommands(sender)),
            *_job_routes(JobCommands(sender), Activation(subscriptions)),
            *_instance_routes(InstanceCommands(sender), Deployments(sender)),
            *_listener_routes(GlobalListeners(sender, reads)),
            *_outcome_routes(CommandOutcomes(sender, reads, partitions)),
            *_info_routes(info),
            *Reading(reads).routes(),
            *StoredFiles(reads).routes(),
        ]
        self.routes: Sequence[Route] = (*routes, *_aliases(routes))

    def decode_key(self, text: str) -> int | None:
        """A signed 64-bit number in decimal digits."""
        digits = text.removeprefix("-")
        if not digits.isascii() or not digits.isdigit() or len(text) > KEY_LENGTH_MAX:
            return None
        key = int(text)
        return key if -(1 << 63) <= key < 1 << 63 else None

    def refuse(self, failure: Failure, path: str) -> Answer:
        """A problem."""
        return refused(failure, path)

    def fail(self, path: str) -> Answer:
        """A problem with status 500."""
        return internal_error(path)


def _user_task_routes(commands: UserTaskCommands) -> Iterable[Route]:
    task = "/v2/user-tasks/{userTaskKey}"
    yield _keyed("PATCH", task, commands.update, may_wait=True)
    yield _keyed("POST", f"{task}/assignment", commands.assign, may_wait=True)
    yield _keyed("DELETE", f"{task}/assignee", commands.unassign, may_wait=True)
    yield _keyed("POST", f"{task}/completion", commands.complete, may_wait=True)
    variables = "/v2/element-instances/{elementInstanceKey}/variables"
    yield _keyed("PUT", variables, commands.set_variables, may_wait=True)


def _job_routes(commands: JobCommands, activation: Activation) -> Iterable[Route]:
    job = "/v2/jobs/{jobKey}"
    yield _keyed("POST", f"{job}/completion", commands.complete, sheddable=False)
    yield _keyed("POST", f"{job}/failure", commands.fail, sheddable=False)
    yield _keyed("POST", f"{job}/error", commands.throw_error, sheddable=False)
    yield _keyed("PATCH", job, commands.update)
    yield Route("POST", "/v2/jobs/activation", activation.activate, body=BodyKind.JSON)


def _instance_routes(commands: InstanceCommands, deployments: Deployments) -> Iterable[Route]:
    yield _placed("POST", "/v2/user-tasks", commands.create_task, Place.ANY)
    yield _placed("POST", "/v2/process-instances", commands.start, Place.ANY)
    cancellation = "/v2/process-instances/{processInstanceKey}/cancellation"
    yield _keyed("POST", cancellation, commands.cancel, sheddable=False)
    resolution = "/v2/incidents/{incidentKey}/resolution"
    yield _keyed("POST", resolution, commands.resolve, sheddable=False)
    yield Route(
        "POST",
        "/v2/deployments",
        deployments.deploy,
        body=BodyKind.FORM,
        place=Place.SETTINGS,
    )


def _listener_routes(listeners: GlobalListeners) -> Iterable[Route]:
    every = "/v2/global-task-listeners"
    one = f"{every}/{{id}}"
    yield _placed("POST", every, listeners.create, Place.SETTINGS)
    yield Route("GET", one, listeners.get)
    yield _placed("PUT", one, listeners.update, Place.SETTINGS)
    yield Route("DELETE", one, listeners.delete, place=Place.SETTINGS)


def _outcome_routes(outcomes: CommandOutcomes) -> Iterable[Route]:
    yield Route("GET", "/v2/commands/{commandId}", outcomes.get)
    yield Route("POST", "/v2/commands/{commandId}/withdrawal", outcomes.withdraw)


def _info_routes(info: ClusterInfo) -> Iterable[Route]:
    yield Route("GET", "/v2/topology", info.topology)
    yield Route("GET", "/v2/status", info.status, public=True)
    yield Route("GET", "/v2/license", info.license, public=True)
    yield Route("GET", "/v2/authentication/me", info.me)
    yield Route("GET", "/metrics", info.metrics, public=True)


def _keyed(
    method: str,
    template: str,
    handle: Handler,
    *,
    sheddable: bool = True,
    may_wait: bool = False,
) -> Route:
    """A command on what exists, placed by the first parameter."""
    return Route(
        method,
        template,
        handle,
        body=BodyKind.NONE if method == "DELETE" else BodyKind.JSON,
        place=Place.KEY,
        key=template[template.index("{") + 1 : template.index("}")],
        sheddable=sheddable,
        may_wait=may_wait,
    )


def _placed(method: str, template: str, handle: Handler, place: Place) -> Route:
    """A command with a JSON body on what has no key yet."""
    return Route(method, template, handle, body=BodyKind.JSON, place=place)


def _aliases(routes: Iterable[Route]) -> Iterable[Route]:
    """User tasks and topology answer under the older prefix too."""
    for route in routes:
        if route.template.startswith(_ALIASED):
            yield replace(route, template="/v1" + route.template.removeprefix("/v2"))
