"""One engine: a task made in one dialect is found, handled and ended in the other."""

from typing import Any

import pytest
from camunda_orchestration_sdk import CamundaAsyncClient, models

from signoff_schemas.ids import key_of_uuid, uuid_of
from tests.system.modelling import bpmn, deploy, task_of, user_task
from tests.system.orkes.office import Office

pytestmark = pytest.mark.system

DEMO = {"userType": "CONDUCTOR_USER", "user": "demo"}
JANE = {"userType": "CONDUCTOR_USER", "user": "jane"}


async def found(office: Office, **filters: Any) -> list[str]:
    results = (await office.done("/human/tasks/search", filters))["results"]
    return [str(each["taskId"]) for each in results]


async def test_a_task_of_the_first_dialect_is_worked_on_in_the_second(
    camunda: CamundaAsyncClient, office: Office, unique: str
) -> None:
    created = await office.client.post(
        "/v2/user-tasks",
        json={"name": f"{unique} read it", "assignee": "jane", "variables": {"amount": 7}},
    )
    assert created.status_code == 201, created.text
    key = created.json()["userTaskKey"]
    task = uuid_of(int(key))

    shown = await office.get(task)
    assert (shown["state"], shown["assignee"]) == ("ASSIGNED", JANE)
    claimed = await office.done(f"/human/tasks/{task}/claim?overrideAssignment=true")
    assert (claimed["state"], claimed["claimant"]) == ("IN_PROGRESS", DEMO)
    assert (await camunda.get_user_task(key)).assignee == "demo"
    await office.done(f"/human/tasks/{task}/update", {"note": "half"})
    assert task in await found(office, states=["IN_PROGRESS"], claimants=[DEMO])
    await office.done(f"/human/tasks/{task}/update?complete=true", {"approved": True})

    done = await camunda.get_user_task(key)
    assert done.state == "COMPLETED"
    assert (await office.get(task))["output"] == {"note": "half", "approved": True}


async def test_a_task_of_the_second_dialect_is_worked_on_in_the_first(
    camunda: CamundaAsyncClient, office: Office, unique: str
) -> None:
    workflow = await office.start(
        {"displayName": f"{unique} check", "assignments": [{"assignee": JANE}]}
    )
    [task] = await found(office, workflowIds=[workflow])
    key = str(key_of_uuid(task))

    query = models.UserTaskSearchQuery(
        filter_=models.UserTaskSearchQueryFilter(assignee="jane", name=f"{unique} check")
    )
    [seen] = (await camunda.search_user_tasks(data=query)).items
    assert (seen.user_task_key, seen.state, seen.name) == (key, "CREATED", f"{unique} check")
    assignment = models.UserTaskAssignmentRequest(assignee="bob")
    await camunda.assign_user_task(seen.user_task_key, data=assignment)
    bob = {"userType": "CONDUCTOR_USER", "user": "bob"}
    assert (await office.get(task))["assignee"] == bob
    assert await found(office, workflowIds=[workflow], assignees=[bob]) == [task]
    variables = models.UserTaskCompletionRequestVariables.from_dict({"approved": True})
    await camunda.complete_user_task(
        seen.user_task_key, data=models.UserTaskCompletionRequest(variables=variables)
    )

    done = await office.get(task)
    assert (done["state"], done["output"]) == ("COMPLETED", {"approved": True})
    ended = (await office.client.get(f"/api/workflow/{workflow}?includeTasks=true")).json()
    [element] = ended["tasks"]
    assert (ended["status"], element["outputData"]) == ("COMPLETED", {"approved": True})


async def test_a_name_of_any_length_that_a_model_gives_is_kept(
    camunda: CamundaAsyncClient, office: Office, unique: str
) -> None:
    """Lists of work are indexed by name, and an index holds no more than 2,700 bytes."""
    name = "".join(chr(0x4E00 + number * 7 % 20_000) for number in range(3_000))
    process = bpmn(unique, user_task()).replace(b"The review", name.encode())
    await deploy(camunda, model_bpmn=process)
    by_id = {"processDefinitionId": unique}
    created = await office.client.post("/v2/process-instances", json=by_id)
    assert created.status_code == 200, created.text
    task = await task_of(camunda, created.json()["processInstanceKey"])
    assert task.name == name
    shown = await office.get(uuid_of(int(task.user_task_key)))
    assert name.startswith(shown["displayName"])


async def test_candidates_of_the_first_dialect_find_their_task_in_the_second(
    office: Office, unique: str
) -> None:
    """Before it was claimed and after: only they do, however it was given back."""
    mine, others = f"{unique}-mine", f"{unique}-others"
    await office.people(mine, others)
    created = await office.client.post(
        "/v2/user-tasks", json={"name": f"{unique} read it", "candidateUsers": [mine]}
    )
    assert created.status_code == 201, created.text
    key = created.json()["userTaskKey"]
    task = uuid_of(int(key))

    async def finders() -> list[str]:
        names = {"displayNames": [f"{unique} read it"]}
        return [
            name
            for name in (mine, others)
            if (await office.done("/human/tasks/search", names, user=name))["results"]
        ]

    assert await finders() == [mine]
    await office.done(f"/human/tasks/{task}/claim", user=mine)
    await office.done(f"/human/tasks/{task}/release", user=mine)
    assert await finders() == [mine]
    for candidates in ([others], list[str]()):
        change = {"changeset": {"candidateUsers": candidates}}
        assert (await office.client.patch(f"/v2/user-tasks/{key}", json=change)).is_success
        assert await finders() == candidates
    assert (await office.post(f"/human/tasks/{task}/claim", user=others)).status_code == 403
