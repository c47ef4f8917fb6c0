"""Settings events applied to the cluster-wide settings. The version is the store's to count."""

from dataclasses import replace

from signoff_broker.engine.state import Definition, Form, Settings
from signoff_schemas.graph import ProcessGraph
from signoff_schemas.process_events import (
    DefinitionDeployed,
    FormDeployed,
    GlobalListenerDeleted,
    GlobalListenerSet,
)


def definition_deployed(settings: Settings, event: DefinitionDeployed) -> Settings:
    """A new version of a process: what starts from now on runs it."""
    key = event.process.definition_key
    definition = Definition(
        process=event.process,
        graph=ProcessGraph.model_validate(event.graph),
        tenant=event.tenant,
        digest=event.digest,
        resource_name=event.resource_name,
    )
    return replace(
        settings,
        definitions={**settings.definitions, key: definition},
        latest={**settings.latest, (event.tenant, event.process.process_id): key},
    )


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


def global_listener_set(settings: Settings, event: GlobalListenerSet) -> Settings:
    """A listener of every task, new or replaced."""
    listeners = {**settings.global_listeners, event.listener.id: event.listener}
    return replace(settings, global_listeners=listeners)


def global_listener_deleted(settings: Settings, event: GlobalListenerDeleted) -> Settings:
    """One listener less."""
    listeners = {key: each for key, each in settings.global_listeners.items() if key != event.id}
    return replace(settings, global_listeners=listeners)
