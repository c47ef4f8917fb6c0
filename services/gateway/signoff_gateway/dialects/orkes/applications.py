"""Applications: programs with keys of their own."""

import secrets
from collections.abc import Callable, Iterable
from typing import Final
from uuid import uuid4

from signoff_gateway.dialects.orkes.answers import Conflict, NotFound, json_answer
from signoff_gateway.dialects.orkes.directory_editor import DirectoryEditor, Edit, must_be_admin
from signoff_gateway.dialects.orkes.directory_models import (
    ApplicationBody,
    known_roles,
    shown_application,
    shown_key,
    shown_tags,
)
from signoff_gateway.dialects.orkes.identity import changing
from signoff_gateway.dialects.orkes.task_models import TagBody
from signoff_gateway.dialects.orkes.validation import read, read_many
from signoff_gateway.exchange import Answer, Call, Route
from signoff_gateway.idempotency import id_under_key
from signoff_gateway.identity.directory import Directory
from signoff_gateway.identity.entries import (
    APPLICATION,
    APPLICATION_PREFIX,
    AccessKey,
    Application,
)
from signoff_process.clock import Clock

SECRET_BYTES: Final = 32
_ALL: Final = "/api/applications"
_ONE: Final = f"{_ALL}/{{id}}"
_KEY: Final = f"{_ONE}/accessKeys/{{keyId}}"
_Change = Callable[[Directory, Application], Application]


class Applications:
    """Endpoints of applications, their keys, roles and tags; for admins.

    Args:
        editor: Changes the directory.
        clock: The time.
    """

    def __init__(self, editor: DirectoryEditor, clock: Clock) -> None:
        self._editor = editor
        self._clock = clock

    def routes(self) -> Iterable[Route]:
        """All of them."""
        yield Route("GET", _ALL, self.list)
        yield changing("POST", _ALL, self.create)
        yield Route("GET", f"{_ALL}/key/{{keyId}}", self.get_by_key)
        yield Route("GET", _ONE, self.get)
        yield changing("PUT", _ONE, self.rename)
        yield changing("DELETE", _ONE, self.delete)
        yield Route("GET", f"{_ONE}/accessKeys", self.list_keys)
        yield changing("POST", f"{_ONE}/accessKeys", self.create_key)
        yield changing("DELETE", _KEY, self.delete_key)
        yield changing("POST", f"{_KEY}/status", self.toggle_key)
        yield changing("POST", f"{_ONE}/roles/{{role}}", self.add_role)
        yield changing("DELETE", f"{_ONE}/roles/{{role}}", self.remove_role)
        yield Route("GET", f"{_ONE}/tags", self.list_tags)
        yield changing("PUT", f"{_ONE}/tags", self.put_tags)
        yield changing("DELETE", f"{_ONE}/tags", self.delete_tags)

    async def list(self, call: Call) -> Answer:
        """GET /applications."""
        directory = await self._editor.seen(call)
        found = directory.applications.values()
        return json_answer([shown_application(directory, each) for each in found])

    async def create(self, call: Call) -> Answer:
        """POST /applications."""
        identifier = id_under_key(call) or str(uuid4())
        made = Application(id=identifier, name=read(ApplicationBody, call.body).name)
        await self._editor.edit(call, lambda edit: edit.add(APPLICATION, made.id, made))
        directory = await self._editor.seen(call)
        return json_answer(shown_application(directory, _application(directory, made.id)))

    async def get(self, call: Call) -> Answer:
        """GET /applications/{id}."""
        directory, application = await self._seen(call)
        return json_answer(shown_application(directory, application))

    async def get_by_key(self, call: Call) -> Answer:
        """GET /applications/key/{keyId}."""
        directory, identifier = await self._editor.seen(call), call.params["keyId"]
        found = directory.application_of_key(identifier)
        if found is None:
            raise NotFound(_no_key(identifier))
        return json_answer(shown_application(directory, found[0]))

    async def rename(self, call: Call) -> Answer:
        """PUT /applications/{id}."""
        name = read(ApplicationBody, call.body).name
        await self._change(call, lambda _, there: there.model_copy(update={"name": name}))
        directory, application = await self._seen(call)
        return json_answer(shown_application(directory, application))

    async def delete(self, call: Call) -> Answer:
        """DELETE /applications/{id}: its keys and tokens are void from then on."""
        identifier = call.params["id"]

        async def remove(edit: Edit) -> Answer:
            await edit.delete(APPLICATION, identifier)
            await edit.forget_grants("USER", APPLICATION_PREFIX + identifier)
            return Answer(200)

        return await self._editor.edit(call, remove)

    async def list_keys(self, call: Call) -> Answer:
        """GET /applications/{id}/accessKeys."""
        _, application = await self._seen(call)
        return json_answer([shown_key(each) for each in application.keys])

    async def create_key(self, call: Call) -> Answer:
        """POST /applications/{id}/accessKeys: nobody is told the secret again."""
        must_be_admin(call)  # before the work of hashing
        identifier, secret = str(uuid4()), secrets.token_urlsafe(SECRET_BYTES)
        key = AccessKey(
            id=identifier,
            secret_hash=await self._editor.hashed(secret),
            created_at=self._clock.now_ms(),
        )
        await self._change(
            call, lambda _, there: there.model_copy(update={"keys": (*there.keys, key)})
        )
        _, kept = await self._seen(call)
        if all(each.id != identifier for each in kept.keys):
            raise Conflict(
                "An access key was made by the first request with this Idempotency-Key, and its"
                " secret is not told again: make another one with another Idempotency-Key"
            )
        return json_answer({"id": identifier, "secret": secret})

    async def delete_key(self, call: Call) -> Answer:
        """DELETE /applications/{id}/accessKeys/{keyId}."""
        identifier = call.params["keyId"]

        def without(_: Directory, there: Application) -> Application:
            _key(there, identifier)
            kept = tuple(each for each in there.keys if each.id != identifier)
            return there.model_copy(update={"keys": kept})

        await self._change(call, without)
        return Answer(200)

    async def toggle_key(self, call: Call) -> Answer:
        """POST /applications/{id}/accessKeys/{keyId}/status: off, or on again."""
        identifier = call.params["keyId"]

        def toggled(_: Directory, there: Application) -> Application:
            key = _key(there, identifier)
            other = key.model_copy(update={"active": not key.active})
            keys = tuple(other if each is key else each for each in there.keys)
            return there.model_copy(update={"keys": keys})

        await self._change(call, toggled)
        _, kept = await self._seen(call)
        return json_answer(shown_key(_key(kept, identifier)))

    async def add_role(self, call: Call) -> Answer:
        """POST /applications/{id}/roles/{role}."""
        role = call.params["role"]

        def added(directory: Directory, there: Application) -> Application:
            roles = known_roles(directory, (*there.roles, role))
            return there.model_copy(update={"roles": roles})

        await self._change(call, added)
        return Answer(200)

    async def remove_role(self, call: Call) -> Answer:
        """DELETE /applications/{id}/roles/{role}."""
        role = call.params["role"]

        def removed(_: Directory, there: Application) -> Application:
            roles = tuple(each for each in there.roles if each != role)
            return there.model_copy(update={"roles": roles})

        await self._change(call, removed)
        return Answer(200)

    async def list_tags(self, call: Call) -> Answer:
        """GET /applications/{id}/tags."""
        _, application = await self._seen(call)
        return json_answer(shown_tags(application))

    async def put_tags(self, call: Call) -> Answer:
        """PUT /applications/{id}/tags: adds, and replaces those with the same keys."""
        tags = {each.key: each.value or "" for each in read_many(TagBody, call.body)}
        await self._change(
            call, lambda _, there: there.model_copy(update={"tags": {**there.tags, **tags}})
        )
        return Answer(200)

    async def delete_tags(self, call: Call) -> Answer:
        """DELETE /applications/{id}/tags: those with these keys."""
        gone = {each.key for each in read_many(TagBody, call.body)}

        def without(_: Directory, there: Application) -> Application:
            kept = {key: value for key, value in there.tags.items() if key not in gone}
            return there.model_copy(update={"tags": kept})

        await self._change(call, without)
        return Answer(200)

    async def _seen(self, call: Call) -> tuple[Directory, Application]:
        directory = await self._editor.seen(call)
        return directory, _application(directory, call.params["id"])

    async def _change(self, call: Call, change: _Change) -> None:
        """Change the application; under an idempotency key once, maybe long ago."""
        identifier = call.params["id"]

        async def changed(edit: Edit) -> None:
            if not await edit.was_made(APPLICATION, identifier):
                application = change(edit.directory, _application(edit.directory, identifier))
                await edit.put(APPLICATION, identifier, application)

        await self._editor.edit(call, changed)


def _application(directory: Directory, identifier: str) -> Application:
    found = directory.applications.get(identifier)
    if found is None:
        raise NotFound(f"No such application found by id: {identifier[:100]}")
    return found


def _key(application: Application, identifier: str) -> AccessKey:
    for each in application.keys:
        if each.id == identifier:
            return each
    raise NotFound(_no_key(identifier))


def _no_key(identifier: str) -> str:
    return f"No such access key found by id: {identifier[:100]}"
