"""Logins, users, groups and grants, as the clients' authorization parts use them."""

from collections.abc import Iterable
from typing import Final, cast

from signoff_gateway.dialects.orkes.answers import (
    BadRequest,
    NotFound,
    json_answer,
)
from signoff_gateway.dialects.orkes.directory_editor import DirectoryEditor, Edit, must_be_admin
from signoff_gateway.dialects.orkes.directory_models import (
    ACCESSES,
    GrantBody,
    GroupBody,
    TokenBody,
    UserBody,
    known_roles,
    shown_application_user,
    shown_grants,
    shown_group,
    shown_subject,
    shown_user,
)
from signoff_gateway.dialects.orkes.validation import query_of, read, read_as
from signoff_gateway.exchange import Answer, BodyKind, Call, Handler, Place, Route
from signoff_gateway.identity.directory import Directory, granted_id
from signoff_gateway.identity.entries import (
    APPLICATION_PREFIX,
    GRANTS,
    GROUP,
    USER,
    GrantEntry,
    Group,
    User,
)
from signoff_gateway.identity.service import Identity
from signoff_gateway.refusals import RouteUnknown
from signoff_schemas.limits import NAME_MAX, unstorable_text

_USER: Final = "/api/users/{id}"
_GROUP: Final = "/api/groups/{id}"
_GRANTS: Final = "/api/auth/authorization"
_SUBJECTS: Final = ("USER", "GROUP", "ROLE")


class Logins:
    """Tokens, and what they say of their bearer.

    Args:
        identity: Knows the callers.
        editor: Keeps the signing secret.
    """

    def __init__(self, identity: Identity, editor: DirectoryEditor) -> None:
        self._identity = identity
        self._editor = editor

    def routes(self) -> Iterable[Route]:
        """All of them."""
        yield Route("POST", "/api/token", self.get_token, body=BodyKind.UNTYPED_JSON, public=True)
        yield Route("GET", "/api/token/userInfo", self.user_info)

    async def get_token(self, call: Call) -> Answer:
        """POST /token: 404 tells clients that nobody is asked for keys here."""
        body = read(TokenBody, call.body or b"{}")
        name, secret = body.key_id or body.email, body.key_secret or body.password
        who = await self._identity.authenticator.log_in(name, secret, call.address)
        if who is None:
            raise RouteUnknown
        token = await self._identity.token(
            who, body.expiration, lambda command: self._editor.keep_secret(call, command)
        )
        return json_answer({"token": token})

    async def user_info(self, call: Call) -> Answer:
        """GET /token/userInfo."""
        caller = call.principal
        directory = await self._identity.directory()
        user = shown_subject(directory, caller.id, caller.groups, caller.roles)
        if not query_of(call).flag("claims"):
            return json_answer(user)
        claims = {"sub": caller.id, "groups": caller.groups, "roles": caller.roles}
        return json_answer({"user": user, "claims": claims})


class People:
    """Users and groups.

    Args:
        editor: Changes the directory.
        identity: Has it.
    """

    def __init__(self, editor: DirectoryEditor, identity: Identity) -> None:
        self._editor = editor
        self._identity = identity

    def routes(self) -> Iterable[Route]:
        """All of them."""
        yield Route("GET", "/api/users", self.list_users)
        yield Route("GET", _USER, self.get_user)
        yield changing("PUT", _USER, self.save_user)
        yield changing("DELETE", _USER, self.delete_user)
        yield Route("GET", "/api/groups", self.list_groups)
        yield Route("GET", _GROUP, self.get_group)
        yield changing("PUT", _GROUP, self.save_group)
        yield changing("DELETE", _GROUP, self.delete_group)
        yield Route("GET", f"{_GROUP}/users", self.list_members)
        yield changing("POST", f"{_GROUP}/users", self.add_members)
        yield changing("DELETE", f"{_GROUP}/users", self.remove_members)
        yield changing("POST", f"{_GROUP}/users/{{userId}}", self.add_member)
        yield changing("DELETE", f"{_GROUP}/users/{{userId}}", self.remove_member)

    async def list_users(self, call: Call) -> Answer:
        """GET /users."""
        directory = await self._editor.seen(call)
        shown = [shown_user(directory, each) for each in directory.users.values()]
        if query_of(call).flag("apps"):
            shown += [shown_application_user(each) for each in directory.applications.values()]
        return json_answer(shown)

    async def get_user(self, call: Call) -> Answer:
        """GET /users/{id}: everybody may see himself."""
        identifier = call.params["id"]
        if call.principal.id == identifier:
            directory = await self._identity.directory()
        else:
            directory = await self._editor.seen(call)
        subject_of(directory, "USER", identifier)
        return json_answer(shown_subject(directory, identifier, (), ()))

    async def save_user(self, call: Call) -> Answer:
        """PUT /users/{id}. Without a password the one that is set stays."""
        identifier, body = _new_id(call), read(UserBody, call.body)
        if identifier.startswith(APPLICATION_PREFIX):
            raise BadRequest(f"The id of a user cannot begin with '{APPLICATION_PREFIX}'")
        must_be_admin(call)  # before the work of hashing
        password_hash = "" if body.password is None else await self._editor.hashed(body.password)

        async def save(edit: Edit) -> Answer:
            there = edit.directory.users.get(identifier)
            user = User(
                id=identifier,
                name=body.name,
                groups=tuple(dict.fromkeys(body.groups)),
                roles=known_roles(edit.directory, body.roles),
                password_hash=password_hash or ("" if there is None else there.password_hash),
            )
            await edit.put(USER, identifier, user)
            return json_answer(shown_user(edit.directory, user))

        return await self._editor.edit(call, save)

    async def delete_user(self, call: Call) -> Answer:
        """DELETE /users/{id}."""
        identifier = call.params["id"]

        async def remove(edit: Edit) -> Answer:
            await edit.delete(USER, identifier)
            await edit.forget_grants("USER", identifier)
            return Answer(200)

        return await self._editor.edit(call, remove)

    async def list_groups(self, call: Call) -> Answer:
        """GET /groups."""
        directory = await self._editor.seen(call)
        return json_answer([shown_group(each) for each in directory.groups.values()])

    async def get_group(self, call: Call) -> Answer:
        """GET /groups/{id}."""
        directory = await self._editor.seen(call)
        return json_answer(shown_group(_group(directory, call.params["id"])))

    async def save_group(self, call: Call) -> Answer:
        """PUT /groups/{id}."""
        identifier, body = _new_id(call), read(GroupBody, call.body)
        if body.default_access:
            raise BadRequest("defaultAccess is not supported: grant the group what it may do")

        async def save(edit: Edit) -> Answer:
            roles = known_roles(edit.directory, body.roles)
            group = Group(id=identifier, description=body.description, roles=roles)
            await edit.put(GROUP, identifier, group)
            return json_answer(shown_group(group))

        return await self._editor.edit(call, save)

    async def delete_group(self, call: Call) -> Answer:
        """DELETE /groups/{id}: its members stay, without it."""
        identifier = call.params["id"]

        async def remove(edit: Edit) -> Answer:
            edit.must_not_be_fixed(GROUP, identifier)
            if await edit.was_made(GRANTS, granted_id("GROUP", identifier)):
                return Answer(200)
            is_there = identifier in edit.directory.groups
            for user in edit.directory.users.values():
                if is_there and identifier in user.groups:
                    # Who came back meanwhile has to go, as long as the group is to be deleted.
                    await _change_groups(edit, user, without=identifier, again=True)
            await edit.delete(GROUP, identifier)
            await edit.forget_grants("GROUP", identifier)
            return Answer(200)

        return await self._editor.edit(call, remove)

    async def list_members(self, call: Call) -> Answer:
        """GET /groups/{id}/users."""
        directory = await self._editor.seen(call)
        group = _group(directory, call.params["id"])
        members = [each for each in directory.users.values() if group.id in each.groups]
        return json_answer([shown_user(directory, each) for each in members])

    async def add_members(self, call: Call) -> Answer:
        """POST /groups/{id}/users."""
        return await self._set_members(call, _names(call), member=True)

    async def remove_members(self, call: Call) -> Answer:
        """DELETE /groups/{id}/users."""
        return await self._set_members(call, _names(call), member=False)

    async def add_member(self, call: Call) -> Answer:
        """POST /groups/{id}/users/{userId}."""
        return await self._set_members(call, [call.params["userId"]], member=True)

    async def remove_member(self, call: Call) -> Answer:
        """DELETE /groups/{id}/users/{userId}."""
        return await self._set_members(call, [call.params["userId"]], member=False)

    async def _set_members(self, call: Call, names: list[str], *, member: bool) -> Answer:
        each_once = list(dict.fromkeys(names))

        async def change(edit: Edit) -> Answer:
            if each_once and await edit.was_made(USER, each_once[-1]):
                return Answer(200)
            group = _group(edit.directory, call.params["id"]).id
            users = [_user(edit.directory, each) for each in each_once]
            for user in users:
                if (group in user.groups) != member:
                    if member:
                        await _change_groups(edit, user, also=group)
                    else:
                        await _change_groups(edit, user, without=group)
            return Answer(200)

        return await self._editor.edit(call, change)


class GrantsOfAll:
    """Grants, by whom they are given to and by what they are on.

    Args:
        editor: Changes the directory.
    """

    def __init__(self, editor: DirectoryEditor) -> None:
        self._editor = editor

    def routes(self) -> Iterable[Route]:
        """All of them."""
        yield changing("POST", _GRANTS, self.grant)
        yield changing("DELETE", _GRANTS, self.take_away)
        yield Route("GET", f"{_GRANTS}/{{type}}/{{id}}", self.on_target)
        yield Route("GET", f"{_USER}/permissions", self.of_user)
        yield Route("GET", f"{_USER}/checkPermissions", self.check)
        yield Route("GET", f"{_GROUP}/permissions", self.of_group)

    async def grant(self, call: Call) -> Answer:
        """POST /auth/authorization: adds to what was granted before."""
        return await self._change(call, granted=True)

    async def take_away(self, call: Call) -> Answer:
        """DELETE /auth/authorization."""
        return await self._change(call, granted=False)

    async def on_target(self, call: Call) -> Answer:
        """GET /auth/authorization/{type}/{id}: who was granted which access to it."""
        directory = await self._editor.seen(call)
        target = (call.params["type"], call.params["id"])
        found: dict[str, list[dict[str, str]]] = {}
        for name, grants in directory.all_granted().items():
            kind, _, identifier = name.partition(":")
            for each in grants:
                for verb in each.verbs if (each.kind, each.target) == target else ():
                    found.setdefault(verb, []).append({"type": kind, "id": identifier})
        return json_answer(found)

    async def of_user(self, call: Call) -> Answer:
        """GET /users/{id}/permissions."""
        return await self._granted(call, "USER")

    async def of_group(self, call: Call) -> Answer:
        """GET /groups/{id}/permissions."""
        return await self._granted(call, "GROUP")

    async def check(self, call: Call) -> Answer:
        """GET /users/{id}/checkPermissions: what he may do, by whatever way."""
        directory, query = await self._editor.seen(call), query_of(call)
        identifier = call.params["id"]
        subject_of(directory, "USER", identifier)
        principal = directory.principal(identifier)
        assert principal is not None, "it was found"
        target = (query.required("type"), query.required("id"))
        return json_answer({each: principal.is_granted(*target, each) for each in ACCESSES})

    async def _granted(self, call: Call, kind: str) -> Answer:
        directory, identifier = await self._editor.seen(call), call.params["id"]
        subject_of(directory, kind, identifier)
        return json_answer(shown_grants(directory.granted(kind, identifier)))

    async def _change(self, call: Call, *, granted: bool) -> Answer:
        body = read(GrantBody, call.body)
        entry, kind = body.entry(), body.subject.type
        if kind not in _SUBJECTS:
            raise BadRequest(f"Subject type '{kind[:50]}' is not one of {', '.join(_SUBJECTS)}")

        async def change(edit: Edit) -> Answer:
            if await edit.was_made(GRANTS, granted_id(kind, body.subject.id)):
                return Answer(200)
            subject_of(edit.directory, kind, body.subject.id)
            there = edit.directory.granted(kind, body.subject.id)
            changed = _with(there, entry) if granted else _without(there, entry)
            await edit.grant(kind, body.subject.id, changed)
            return Answer(200)

        return await self._editor.edit(call, change)


def changing(method: str, template: str, handle: Handler) -> Route:
    """A change of the directory."""
    return Route(method, template, handle, body=BodyKind.UNTYPED_JSON, place=Place.SETTINGS)


def subject_of(directory: Directory, kind: str, identifier: str) -> None:
    """Somebody to whom things can be granted is there. Raises: NotFound."""
    if kind == "GROUP":
        _group(directory, identifier)
    elif kind == "ROLE":
        if not directory.knows_role(identifier):
            raise NotFound(f"No such role found by id: {identifier[:100]}")
    elif directory.principal(identifier) is None:
        raise NotFound(f"No such user found by id: {identifier[:100]}")


def _user(directory: Directory, identifier: str) -> User:
    found = directory.users.get(identifier)
    if found is None:
        raise NotFound(f"No such user found by id: {identifier[:100]}")
    return found


def _group(directory: Directory, identifier: str) -> Group:
    found = directory.groups.get(identifier)
    if found is None:
        raise NotFound(f"No such group found by id: {identifier[:100]}")
    return found


async def _change_groups(
    edit: Edit, user: User, *, also: str = "", without: str = "", again: bool = False
) -> None:
    groups = tuple(each for each in (*user.groups, also) if each and each != without)
    await edit.put(USER, user.id, user.model_copy(update={"groups": groups}), again=again)


def _names(call: Call) -> list[str]:
    return cast("list[str]", read_as(list[str], call.body))


def _new_id(call: Call) -> str:
    identifier = call.params["id"]
    if not identifier.strip() or unstorable_text(identifier, NAME_MAX):
        raise BadRequest(f"An id is a text of 1 to {NAME_MAX} characters")
    return identifier


def _with(there: tuple[GrantEntry, ...], entry: GrantEntry) -> tuple[GrantEntry, ...]:
    target = (entry.kind, entry.target)
    verbs = set(entry.verbs)
    for each in there:
        if (each.kind, each.target) == target:
            verbs.update(each.verbs)
    others = [each for each in there if (each.kind, each.target) != target]
    every = tuple(each for each in ACCESSES if each in verbs)
    return (*others, entry.model_copy(update={"verbs": every}))


def _without(there: tuple[GrantEntry, ...], entry: GrantEntry) -> tuple[GrantEntry, ...]:
    kept: list[GrantEntry] = []
    for each in there:
        verbs = each.verbs
        if (each.kind, each.target) == (entry.kind, entry.target):
            verbs = tuple(verb for verb in verbs if verb not in entry.verbs)
        if verbs:
            kept.append(each.model_copy(update={"verbs": verbs}))
    return tuple(kept)
