"""Process models for the published client: a start, a row of tasks, an end."""

import io
from dataclasses import dataclass
from typing import Any

from camunda_orchestration_sdk import CamundaAsyncClient, models
from camunda_orchestration_sdk.semantic_types import ProcessDefinitionKey
from camunda_orchestration_sdk.types import File

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL"
    xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" id="d" targetNamespace="t">"""


@dataclass(frozen=True)
class Element:
    """One task of a model: its id and everything about it."""

    id: str
    tag: str
    extensions: str

    def written(self, number: int) -> str:
        return (
            f'<bpmn:{self.tag} id="{self.id}" name="The {self.id}">'
            f"<bpmn:extensionElements>{self.extensions}</bpmn:extensionElements></bpmn:{self.tag}>"
            f'<bpmn:sequenceFlow id="f{number}" sourceRef="{self.id}" targetRef="%s"/>'
        )


def user_task(*listeners: tuple[str, str], extensions: str = "", name: str = "review") -> Element:
    """A user task with listeners: event type and job type of each."""
    written = "".join(
        f'<zeebe:taskListener eventType="{event}" type="{job_type}"/>'
        for event, job_type in listeners
    )
    whole = f"<zeebe:taskListeners>{written}</zeebe:taskListeners>" if written else ""
    return Element(name, "userTask", f"<zeebe:userTask/>{extensions}{whole}")


def service_task(job_type: str, *, retries: int = 3, name: str = "work") -> Element:
    """A task for a job worker."""
    definition = f'<zeebe:taskDefinition type="{job_type}" retries="{retries}"/>'
    return Element(name, "serviceTask", definition)


def bpmn(process_id: str, *elements: Element) -> bytes:
    """A process that goes through the elements in a row."""
    body = "".join(each.written(number) for number, each in enumerate(elements, 1))
    targets = (*(each.id for each in elements[1:]), "end")
    return (
        f'{HEAD}<bpmn:process id="{process_id}" isExecutable="true"><bpmn:startEvent id="start"/>'
        f'<bpmn:sequenceFlow id="f0" sourceRef="start" targetRef="{elements[0].id}"/>'
        f'{body % targets}<bpmn:endEvent id="end"/></bpmn:process></bpmn:definitions>'
    ).encode()


async def deploy(
    client: CamundaAsyncClient, **resources: bytes
) -> list[models.DeploymentMetadataResult]:
    """Deploy files; `a_bpmn` is the file `a.bpmn`."""
    files = [
        File(payload=io.BytesIO(content), file_name=name.replace("_", "."))
        for name, content in resources.items()
    ]
    result = await client.create_deployment(data=models.CreateDeploymentData(resources=files))
    return result.deployments


async def start(
    client: CamundaAsyncClient, process_id: str, *elements: Element, **variables: Any
) -> models.CreateProcessInstanceResult:
    """Deploy a process with these elements and create an instance of it."""
    deployed = await deploy(client, model_bpmn=bpmn(process_id, *elements))
    definition = deployed[0].process_definition
    assert definition is not None
    return await create(client, definition.process_definition_key, **variables)


async def create(
    client: CamundaAsyncClient, definition: ProcessDefinitionKey, **variables: Any
) -> models.CreateProcessInstanceResult:
    """Create an instance of a deployed process."""
    values = models.ProcessInstanceCreationInstructionBaseVariables.from_dict(variables)
    return await client.create_process_instance(
        data=models.ProcessCreationByKey(process_definition_key=definition, variables=values)
    )


async def open_task(
    client: CamundaAsyncClient, process_id: str, *listeners: tuple[str, str], **variables: Any
) -> models.UserTaskResult:
    """Start a process with one user task; the task is what the search says at once."""
    instance = await start(client, process_id, user_task(*listeners), **variables)
    return await task_of(client, instance.process_instance_key)


async def task_of(client: CamundaAsyncClient, instance: str) -> models.UserTaskResult:
    """The newest user task of a process instance."""
    query = models.UserTaskSearchQuery(
        filter_=models.UserTaskSearchQueryFilter(process_instance_key=instance)
    )
    found = await client.search_user_tasks(data=query)
    return found.items[-1]
