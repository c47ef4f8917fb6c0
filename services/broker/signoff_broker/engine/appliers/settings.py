"""Settings events applied to the cluster-wide settings. The version is the store's to count."""

from dataclasses import replace

from signoff_broker.engine.state import Definition, Form, Settings, Stored
from signoff_schemas.documents import RULES, DocumentDeleted, DocumentSet
from signoff_schemas.graph import ProcessGraph
from signoff_schemas.process_events import (
    DefinitionDeleted,
    DefinitionDeployed,
    FormDeployed,
    GlobalListenerDeleted,
    GlobalListenerSet,
    ResourceDeployed,
)


def definition_deployed(settings: Settings, event: DefinitionDeployed) -> Settings:
    """A new version of a process: what starts from now on runs it."""
    definition = Definition(
        process=event.process,
        graph=ProcessGraph.model_validate(event.graph),
        tenant=event.tenant,
        digest=event.digest,
        resource_name=event.resource_name,
        deployed_by=event.deployed_by,
    )
    return _with_definition(settings, definition)


def definition_deleted(settings: Settings, event: DefinitionDeleted) -> Settings:
    """Nothing starts by it any more."""
    definition = settings.definitions[event.definition_key]
    return _with_definition(settings, replace(definition, deleted=True))


def form_deployed(settings: Settings, event: FormDeployed) -> Settings:
    """A new version of a form: tasks that are created from now on show it."""
    form = Form(
        key=event.form_key,
        form_id=event.form_id,
        version=event.version,
        tenant=event.tenant,
        digest=event.digest,
        resource_name=event.resource_name,
    )
    return replace(settings, forms={**settings.forms, (event.tenant, event.form_id): form})


def resource_deployed(settings: Settings, event: ResourceDeployed) -> Settings:
    """A new version of a file."""
    stored = Stored(
        key=event.resource_key,
        name=event.name,
        version=event.version,
        tenant=event.tenant,
        digest=event.digest,
    )
    return replace(settings, resources={**settings.resources, (event.tenant, event.name): stored})


def global_listener_set(settings: Settings, event: GlobalListenerSet) -> Settings:
    """A listener of every task, new or replaced."""
    listeners = {**settings.global_listeners, event.listener.id: event.listener}
    return replace(settings, global_listeners=listeners)


def document_set(settings: Settings, event: DocumentSet) -> Settings:
    """A version of a document, new or replaced."""
    name = (event.kind, event.id)
    versions = {**settings.documents.get(name, {}), event.version: event.at}
    versions = dict(sorted(versions.items()))
    settings = replace(settings, documents={**settings.documents, name: versions})
    if event.rule is None:
        return settings
    return replace(
        settings,
        rules={**settings.rules, event.id: event.rule},
        rule_owners={event.id: event.by, **settings.rule_owners},
    )


def document_deleted(settings: Settings, event: DocumentDeleted) -> Settings:
    """A version of a document less; with the last one the document is gone, and its rule."""
    name = (event.kind, event.id)
    versions = {each: at for each, at in settings.documents[name].items() if each != event.version}
    documents = {each: there for each, there in settings.documents.items() if each != name}
    if versions:
        return replace(settings, documents={**documents, name: versions})
    settings = replace(settings, documents=documents)
    if event.kind != RULES:
        return settings
    return replace(
        settings,
        rules={each: rule for each, rule in settings.rules.items() if each != event.id},
        rule_owners={each: by for each, by in settings.rule_owners.items() if each != event.id},
    )


def global_listener_deleted(settings: Settings, event: GlobalListenerDeleted) -> Settings:
    """One listener less."""
    listeners = {key: each for key, each in settings.global_listeners.items() if key != event.id}
    return replace(settings, global_listeners=listeners)


def _with_definition(settings: Settings, definition: Definition) -> Settings:
    """A definition more, or a changed one. The latest is the highest version that is left."""
    process = definition.process
    definitions = {**settings.definitions, process.definition_key: definition}
    name = (definition.tenant, process.process_id)
    left = [
        (each.process.version, key)
        for key, each in definitions.items()
        if (each.tenant, each.process.process_id) == name and not each.deleted
    ]
    latest = {each: key for each, key in settings.latest.items() if each != name}
    if left:
        latest[name] = max(left)[1]
    return replace(settings, definitions=definitions, latest=latest)
