"""User forms: list, save, delete, and their tags."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from signoff_gateway.dialects.orkes import definition_rights
from signoff_gateway.dialects.orkes.answers import (
    Invalid,
    NotFound,
    PartlyDone,
    json_answer,
    result_of,
    void,
)
from signoff_gateway.dialects.orkes.form_schemas import SchemaError, check_schema
from signoff_gateway.dialects.orkes.forms import TAG, TEMPLATE, Forms, tag_content, tag_id
from signoff_gateway.dialects.orkes.several import ask_all
from signoff_gateway.dialects.orkes.task_models import TagBody, TemplateBody
from signoff_gateway.dialects.orkes.validation import int32, query_of, read, read_many
from signoff_gateway.exchange import Answer, BodyKind, Call, Handler, Place, Route
from signoff_gateway.idempotency import part_of
from signoff_gateway.reads import ReadsError
from signoff_gateway.refusals import Exhausted, Unavailable
from signoff_gateway.sending import Sender
from signoff_schemas.documents import DeleteDocument, DocumentCommand, PutDocument
from signoff_schemas.ids import SETTINGS_PARTITION

NOTHING_TO_DELETE: Final = 500
"""What clients are told to expect for a form that is not there."""
_FORMS: Final = "/api/human/template"


class Templates:
    """Endpoints of user forms.

    Args:
        sender: Takes commands.
        forms: What is kept.
    """

    def __init__(self, sender: Sender, forms: Forms) -> None:
        self._sender = sender
        self._forms = forms

    def routes(self) -> Iterable[Route]:
        """All of them."""
        yield Route("GET", _FORMS, self.list)
        yield _changing("POST", _FORMS, self.save)
        yield _changing("POST", f"{_FORMS}/bulk", self.save_many)
        yield Route("GET", f"{_FORMS}/{{name}}/{{version}}", self.get)
        yield _changing("DELETE", f"{_FORMS}/{{name}}", self.delete)
        yield _changing("DELETE", f"{_FORMS}/{{name}}/{{version}}", self.delete)
        tags = f"{_FORMS}/{{name}}/tags"
        yield Route("GET", tags, self.list_tags)
        yield _changing("PUT", tags, self.put_tags)
        yield _changing("DELETE", tags, self.delete_tags)

    async def list(self, call: Call) -> Answer:
        """GET /human/template."""
        query = query_of(call)
        name, version = query.text("name"), query.number("version")
        rows = await (self._forms.versions(name) if name else self._forms.everything())
        found = [row for row in rows if not version or row.version == version]
        if name and not found:
            raise NotFound(_no_form(name, version))
        caller = call.principal
        readable = [row for row in found if definition_rights.may_read_form(caller, row)]
        if name and not readable:
            definition_rights.must_read_form(caller, found[0])
        return json_answer(await self._forms.shown(readable))

    async def get(self, call: Call) -> Answer:
        """GET /human/template/{name}/{version}."""
        name, version = call.params["name"], int32("version", call.params["version"])
        row = await self._forms.found(name, version) if version >= 0 else None
        if row is None:
            raise NotFound(_no_form(name, version))
        definition_rights.must_read_form(call.principal, row)
        [template] = await self._forms.shown([row])
        return json_answer(template)

    async def save(self, call: Call) -> Answer:
        """POST /human/template."""
        [shown] = await self._save(call, [read(TemplateBody, call.body)])
        return json_answer(shown)

    async def save_many(self, call: Call) -> Answer:
        """POST /human/template/bulk: all are checked before the first is saved."""
        return json_answer(await self._save(call, read_many(TemplateBody, call.body)))

    async def delete(self, call: Call) -> Answer:
        """DELETE /human/template/{name}, or one version of it; its tags go with the last."""
        name, version = call.params["name"], None
        if "version" in call.params:
            version = int32("version", call.params["version"])
        definition_rights.must_change_form(call.principal, "DELETE", name)
        command = DeleteDocument(kind=TEMPLATE, id=name, version=version)
        settled = await self._sender.ask(call, command)
        answer = void(settled, missing=NOTHING_TO_DELETE)
        if not await self._forms.versions(name):
            tags = (await self._forms.tags()).get(name, ())
            await self._remove_tags(call, name, [str(each["key"]) for each in tags], part=0)
        return answer

    async def list_tags(self, call: Call) -> Answer:
        """GET …/tags."""
        name = call.params["name"]
        row = await self._forms.found(name, 0)
        if row is None:
            return json_answer([])
        definition_rights.must_read_form(call.principal, row)
        return json_answer((await self._forms.tags()).get(name, ()))

    async def put_tags(self, call: Call) -> Answer:
        """PUT …/tags: adds tags, and replaces those with the same keys."""
        name, tags = call.params["name"], read_many(TagBody, call.body)
        definition_rights.must_change_form(call.principal, "UPDATE", name)
        if await self._forms.found(name, 0) is None:
            raise NotFound(_no_form(name))
        await self._put_tags(call, name, tags)
        return Answer(200)

    async def delete_tags(self, call: Call) -> Answer:
        """DELETE …/tags: those with these keys."""
        name, tags = call.params["name"], read_many(TagBody, call.body)
        definition_rights.must_change_form(call.principal, "UPDATE", name)
        there = {each["key"] for each in (await self._forms.tags()).get(name, ())}
        await self._remove_tags(call, name, [each.key for each in tags if each.key in there])
        return Answer(200)

    async def _save(self, call: Call, bodies: Sequence[TemplateBody]) -> Sequence[object]:
        new_version = query_of(call).flag("newVersion")
        for body in bodies:
            there = await self._forms.found(body.name, 0)
            verb = "CREATE" if there is None else "UPDATE"
            definition_rights.must_change_form(call.principal, verb, body.name)
        for body in bodies:
            await asyncio.to_thread(_check, body)
        saved = [
            await self._put(call, body, number, new_version=new_version)
            for number, body in enumerate(bodies)
        ]
        try:
            shown = [await self._forms.template(*each) for each in saved]
        except ReadsError:
            # They are saved: no answer may say otherwise.
            raise PartlyDone from None
        return [each for each in shown if each is not None]

    async def _put(
        self, call: Call, body: TemplateBody, part: int, *, new_version: bool
    ) -> tuple[str, int]:
        """Save a form and its tags; gives its name and version."""
        command = PutDocument(
            kind=TEMPLATE,
            id=body.name,
            version=body.version or None,
            new_version=new_version and not body.version,
            content=_content(body),
        )
        try:
            settled = await self._sender.ask(call, command, part=part)
        except (Exhausted, Unavailable):
            if part:
                raise PartlyDone from None
            raise
        version = int(str(result_of(settled)["version"]))
        await self._put_tags(call, body.name, body.tags, part=part)
        return body.name, version

    async def _put_tags(
        self, call: Call, name: str, tags: Sequence[TagBody], *, part: int | None = None
    ) -> None:
        """``part``: of the command that saved the form; None: there was none."""
        commands = [
            PutDocument(
                kind=TAG,
                id=tag_id(name, each.key),
                content=tag_content(name, each.key, each.value),
            )
            for each in {each.key: each for each in tags}.values()
        ]
        await self._ask_all(call, commands, part)

    async def _remove_tags(
        self, call: Call, name: str, keys: Sequence[str], *, part: int | None = None
    ) -> None:
        commands = [DeleteDocument(kind=TAG, id=tag_id(name, key)) for key in dict.fromkeys(keys)]
        await self._ask_all(call, commands, part)

    async def _ask_all(
        self, call: Call, commands: Sequence[DocumentCommand], part: int | None
    ) -> None:
        await ask_all(
            self._sender,
            call,
            [(each, SETTINGS_PARTITION) for each in commands],
            # Not by their places: when the request comes again, other tags may be left.
            parts=[part_of(part or 0, each.type, each.id) for each in commands],
            begun=part is not None,
        )


def _check(body: TemplateBody) -> None:
    try:
        check_schema(body.json_schema)
    except SchemaError as error:
        message = f"is no JSON Schema that can be used: {error}"
        raise Invalid(("jsonSchema", message, None), told=f"jsonSchema {message}") from None


def _content(body: TemplateBody) -> dict[str, object]:
    content: dict[str, object] = {"jsonSchema": body.json_schema, "templateUI": body.template_ui}
    return {**content, "ownerApp": body.owner_app} if body.owner_app else content


def _no_form(name: str, version: int | None = None) -> str:
    return f"No such user form found by name: {name}" + (f", version: {version}" if version else "")


def _changing(method: str, template: str, handle: Handler) -> Route:
    """A command on the cluster-wide settings."""
    return Route(method, template, handle, body=BodyKind.UNTYPED_JSON, place=Place.SETTINGS)
