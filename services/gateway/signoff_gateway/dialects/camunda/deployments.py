"""POST /deployments: files in, compiled resources down the log, what was deployed back."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, cast

from signoff_gateway.dialects.camunda.answers import InvalidArgument, json_answer, result_of
from signoff_gateway.dialects.camunda.multipart import Part, read_form
from signoff_gateway.dialects.camunda.resources import Refused, resources_of
from signoff_gateway.dialects.camunda.validation import check_tenant
from signoff_gateway.exchange import Answer, Call
from signoff_gateway.sending import Sender
from signoff_schemas.commands import Deploy, Resource
from signoff_schemas.ids import DEFAULT_TENANT

_RESOURCES: Final = "resources"
_TENANT: Final = "tenantId"
_KINDS: Final = (
    "processDefinition",
    "decisionDefinition",
    "decisionRequirements",
    "form",
    "resource",
)
Result = Mapping[str, object]


class Deployments:
    """The endpoint that takes files."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def deploy(self, call: Call) -> Answer:
        """POST /deployments: all files or none."""
        parts = read_form(call.headers.get(b"content-type", b""), call.body)
        for part in parts:
            if part.name == _TENANT:
                check_tenant(part.data.decode(errors="replace"), "Deploy Resources")
        # Compiling takes time in proportion to the files: not in the loop that serves the others.
        resources = await asyncio.to_thread(_compiled, parts)
        settled = await self._sender.ask(call, Deploy(resources=resources))
        deployed = _deployed(result_of(settled))
        return json_answer(deployed, command_id=settled.command_id)


def _compiled(parts: Sequence[Part]) -> tuple[Resource, ...]:
    files = [(each.filename, bytes(each.data)) for each in parts if each.name == _RESOURCES]
    try:
        return resources_of(files)
    except Refused as error:
        raise InvalidArgument(error.message) from error


def _deployed(result: Result) -> dict[str, object]:
    key = str(result["deployment_key"])
    processes = cast("Sequence[Result]", result["processes"])
    forms = cast("Sequence[Result]", result["forms"])
    stored = cast("Sequence[Result]", result["resources"])
    return {
        "deploymentKey": key,
        "tenantId": DEFAULT_TENANT,
        "deployments": [
            *(_item("processDefinition", _process(each)) for each in processes),
            *(_item("form", _form(each)) for each in forms),
            *(_item("resource", _resource(each)) for each in stored),
        ],
    }


def _item(kind: str, value: dict[str, object]) -> dict[str, object]:
    return {**dict.fromkeys(_KINDS), kind: value}


def _process(made: Result) -> dict[str, object]:
    return {
        "processDefinitionId": made["process_id"],
        "processDefinitionKey": str(made["definition_key"]),
        "processDefinitionVersion": made["version"],
        "resourceName": made["resource_name"],
        "tenantId": DEFAULT_TENANT,
    }


def _form(made: Result) -> dict[str, object]:
    return {
        "formId": made["form_id"],
        "formKey": str(made["form_key"]),
        "version": made["version"],
        "resourceName": made["resource_name"],
        "tenantId": DEFAULT_TENANT,
    }


def _resource(made: Result) -> dict[str, object]:
    return {
        "resourceId": made["name"],
        "resourceKey": str(made["key"]),
        "version": made["version"],
        "resourceName": made["name"],
        "tenantId": DEFAULT_TENANT,
    }
