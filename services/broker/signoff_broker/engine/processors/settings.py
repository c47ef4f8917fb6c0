"""Cluster-wide settings: deployments and global listeners."""

from dataclasses import replace

from signoff_broker.engine.definitions import find_definition
from signoff_broker.engine.draft import Draft
from signoff_broker.engine.preconditions import must_be_of_tenant, refuse
from signoff_broker.engine.state import Definition, Form, Stored
from signoff_schemas.commands import (
    ConfigureGlobalListeners,
    CreateGlobalListener,
    DeleteDefinition,
    DeleteGlobalListener,
    Deploy,
    Resource,
    UpdateGlobalListener,
)
from signoff_schemas.graph import ProcessGraph
from signoff_schemas.process_events import (
    DefinitionDeleted,
    DefinitionDeployed,
    FormDeployed,
    GlobalListenerDeleted,
    GlobalListenerSet,
    ResourceDeployed,
)
from signoff_schemas.rejections import Code, Rejection, RejectionType
from signoff_schemas.values import GlobalListener, ProcessReference

Result = dict[str, object]


def deploy(draft: Draft, command: Deploy) -> Result | Rejection:
    """Deploy files, together. A definition that names its version is always new.

    Files that all are the latest versions already stay those; one that is new takes the others
    with it, so that what was deployed together has versions that belong together.
    """
    if refusal := must_be_of_tenant(draft.asker.principal, command.tenant, "CREATE", "deploy"):
        return refusal
    if refusal := _must_not_replace(draft, command):
        return refusal
    key = draft.new_key()
    stays = all(_is_latest(draft, command.tenant, each) for each in command.resources)
    made: dict[str, list[Result]] = {"processes": [], "forms": [], "resources": []}
    for resource in command.resources:
        for graph in resource.processes:
            definition = _latest_definition(draft, command.tenant, graph.process_id)
            if definition is None or not stays or graph.version is not None:
                definition = _define(draft, command, resource, graph, key)
            made["processes"].append(_process_result(definition, resource))
        if resource.form_id:
            form = draft.settings.forms.get((command.tenant, resource.form_id))
            if form is None or not stays:
                form = _add_form(draft, command, resource, key)
            made["forms"].append(_form_result(form, resource))
        elif not resource.processes:
            stored = draft.settings.resources.get((command.tenant, resource.name))
            if stored is None or not stays:
                stored = _keep(draft, command, resource, key)
            made["resources"].append(
                {"name": stored.name, "key": stored.key, "version": stored.version}
            )
    return {"deployment_key": key, **made}


def delete_definition(draft: Draft, command: DeleteDefinition) -> Rejection | None:
    """Remove a version of a process; what runs goes on with it."""
    principal = draft.asker.principal
    if refusal := must_be_of_tenant(principal, command.tenant, "DELETE", "delete"):
        return refusal
    found = find_definition(draft.settings, command.tenant, command.process_id, command.version)
    if found is None:
        return refuse(
            RejectionType.NOT_FOUND,
            Code.DEFINITION_NOT_FOUND,
            "DELETE",
            process_id=command.process_id,
            version=command.version,
        )
    draft.emit_setting(DefinitionDeleted(definition_key=found.process.definition_key))
    return None


def create_listener(draft: Draft, command: CreateGlobalListener) -> Result | Rejection:
    """Add a global listener."""
    if command.listener.id in draft.settings.global_listeners:
        return refuse(
            RejectionType.ALREADY_EXISTS, Code.LISTENER_EXISTS, "CREATE", id=command.listener.id
        )
    return _set(draft, command.listener)


def update_listener(draft: Draft, command: UpdateGlobalListener) -> Result | Rejection:
    """Replace a global listener."""
    if command.listener.id not in draft.settings.global_listeners:
        return _no_listener(command.listener.id, "UPDATE")
    return _set(draft, command.listener)


def delete_listener(draft: Draft, command: DeleteGlobalListener) -> Result | Rejection:
    """Remove a global listener; transitions that began with it go on with it."""
    listener = draft.settings.global_listeners.get(command.id)
    if listener is None:
        return _no_listener(command.id, "DELETE")
    draft.emit_setting(GlobalListenerDeleted(id=command.id))
    return {"listener": _as_result(listener)}


def configure_listeners(draft: Draft, command: ConfigureGlobalListeners) -> None:
    """Make the configured listeners exactly these; they win over others of the same id."""
    wanted = {each.id: replace(each, configured=True) for each in command.listeners}
    there = draft.settings.global_listeners
    for listener in there.values():
        if listener.configured and listener.id not in wanted:
            draft.emit_setting(GlobalListenerDeleted(id=listener.id))
    for listener in wanted.values():
        if there.get(listener.id) != listener:
            draft.emit_setting(GlobalListenerSet(listener=listener))


def _must_not_replace(draft: Draft, command: Deploy) -> Rejection | None:
    """No definition names a version that is there already, unless it may be replaced."""
    for resource in () if command.overwrite else command.resources:
        for graph in resource.processes:
            version = graph.version
            if version is not None and find_definition(
                draft.settings, command.tenant, graph.process_id, version
            ):
                return refuse(
                    RejectionType.ALREADY_EXISTS,
                    Code.DEFINITION_EXISTS,
                    "CREATE",
                    process_id=graph.process_id,
                    version=version,
                )
    return None


def _is_latest(draft: Draft, tenant: str, resource: Resource) -> bool:
    """Whether what the file holds was last deployed from a file of this name and content."""
    latest: list[Definition | Form | None] = [
        _latest_definition(draft, tenant, graph.process_id) for graph in resource.processes
    ]
    if resource.form_id:
        latest.append(draft.settings.forms.get((tenant, resource.form_id)))
    elif not resource.processes:
        stored = draft.settings.resources.get((tenant, resource.name))
        return stored is not None and stored.digest == resource.digest
    return all(
        each is not None and (each.resource_name, each.digest) == (resource.name, resource.digest)
        for each in latest
    )


def _latest_definition(draft: Draft, tenant: str, process_id: str) -> Definition | None:
    settings = draft.settings
    return settings.definitions.get(settings.latest.get((tenant, process_id), 0))


def _define(
    draft: Draft, command: Deploy, resource: Resource, graph: ProcessGraph, deployment_key: int
) -> Definition:
    latest = _latest_definition(draft, command.tenant, graph.process_id)
    key = draft.new_key()
    version = graph.version
    if version is None:
        version = 1 if latest is None else latest.process.version + 1
    replaced = find_definition(draft.settings, command.tenant, graph.process_id, version)
    if replaced is not None:
        draft.emit_setting(DefinitionDeleted(definition_key=replaced.process.definition_key))
    draft.emit_setting(
        DefinitionDeployed(
            process=ProcessReference(key, graph.process_id, version, graph.name),
            resource_name=resource.name,
            digest=resource.digest,
            tenant=command.tenant,
            graph=graph.model_dump(mode="json"),
            content=resource.content,
            deployed_by=draft.asker.principal.id,
            deployment_key=deployment_key,
            at=draft.now,
        )
    )
    return draft.settings.definitions[key]


def _add_form(draft: Draft, command: Deploy, resource: Resource, deployment_key: int) -> Form:
    name = (command.tenant, resource.form_id)
    latest = draft.settings.forms.get(name)
    draft.emit_setting(
        FormDeployed(
            form_key=draft.new_key(),
            form_id=resource.form_id,
            version=1 if latest is None else latest.version + 1,
            resource_name=resource.name,
            digest=resource.digest,
            tenant=command.tenant,
            content=resource.content,
            deployment_key=deployment_key,
            at=draft.now,
        )
    )
    return draft.settings.forms[name]


def _keep(draft: Draft, command: Deploy, resource: Resource, deployment_key: int) -> Stored:
    name = (command.tenant, resource.name)
    latest = draft.settings.resources.get(name)
    draft.emit_setting(
        ResourceDeployed(
            resource_key=draft.new_key(),
            name=resource.name,
            version=1 if latest is None else latest.version + 1,
            digest=resource.digest,
            tenant=command.tenant,
            content=resource.content,
            deployment_key=deployment_key,
            at=draft.now,
        )
    )
    return draft.settings.resources[name]


def _process_result(definition: Definition, resource: Resource) -> Result:
    return {
        "process_id": definition.process.process_id,
        "definition_key": definition.process.definition_key,
        "version": definition.process.version,
        "resource_name": resource.name,
    }


def _form_result(form: Form, resource: Resource) -> Result:
    return {
        "form_id": form.form_id,
        "form_key": form.key,
        "version": form.version,
        "resource_name": resource.name,
    }


def _set(draft: Draft, listener: GlobalListener) -> Result:
    draft.emit_setting(GlobalListenerSet(listener=listener))
    return {"listener": _as_result(listener)}


def _as_result(listener: GlobalListener) -> Result:
    return {
        "id": listener.id,
        "job_type": listener.job_type,
        "events": [event.value for event in listener.events],
        "retries": listener.retries,
        "after_own": listener.after_own,
        "priority": listener.priority,
        "configured": listener.configured,
    }


def _no_listener(identifier: str, intent: str) -> Rejection:
    return refuse(RejectionType.NOT_FOUND, Code.LISTENER_NOT_FOUND, intent, id=identifier)
