"""Human tasks over HTTP, as people of the second dialect get and handle them."""

from typing import Any

import httpx

Json = dict[str, Any]


class Office:
    """A client. Everything that it makes has a name that begins with ``prefix``."""

    def __init__(self, client: httpx.AsyncClient, prefix: str) -> None:
        self.client = client
        self.prefix = prefix

    async def post(self, path: str, body: Any = None, *, user: str = "") -> httpx.Response:
        """Answers with whatever comes; ``user``: somebody other than the default user."""
        auth = httpx.BasicAuth(user, "") if user else httpx.USE_CLIENT_DEFAULT
        return await self.client.post(f"/api{path}", json=body, auth=auth)

    async def done(self, path: str, body: Any = None, *, user: str = "") -> Any:
        """The content of an answer that must be a success."""
        answer = await self.post(path, body, user=user)
        assert answer.status_code == 200, answer.text
        return answer.json() if "json" in answer.headers.get("content-type", "") else answer.text

    async def people(self, *names: str) -> None:
        """Make users, where they are not there yet, who may do what everybody may."""
        for name in names:
            if (await self.client.get(f"/api/users/{name}")).status_code == 200:
                continue
            body = {"name": name, "roles": ["USER"], "groups": []}
            answer = await self.client.put(f"/api/users/{name}", json=body)
            assert answer.status_code == 200, answer.text

    async def start(self, human: Json, *, name: str = "work", user: str = "") -> str:
        """The id of a new workflow of one human task."""
        task = {
            "name": "check",
            "taskReferenceName": "check_ref",
            "type": "HUMAN",
            "inputParameters": {"amount": 5, "__humanTaskDefinition": human},
        }
        workflow = {"name": f"{self.prefix}{name}", "version": 1, "tasks": [task]}
        await self.done("/metadata/workflow?overwrite=true", workflow)
        return str(await self.done(f"/workflow/{workflow['name']}", {}, user=user)).strip('"')

    async def task(self, *assignees: Json, user: str = "", **more: Any) -> str:
        """The id of a new task, assigned to these one after the other."""
        chain = [{"assignee": each, "slaMinutes": 0} for each in assignees]
        human = {"displayName": "Check it", "assignments": chain, **more}
        workflow = await self.start(human, user=user)
        found = await self.done("/human/tasks/search", {"workflowIds": [workflow]})
        [task] = found["results"]
        return str(task["taskId"])

    async def get(self, task: str) -> Json:
        answer = await self.client.get(f"/api/human/tasks/{task}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())
