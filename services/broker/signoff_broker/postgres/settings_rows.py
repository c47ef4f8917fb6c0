"""Cluster-wide settings and their rows: pure, both ways.

Column orders are those of ``sql/settings.sql``.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from signoff_broker.engine.state import Definition, Form
from signoff_schemas.graph import ProcessGraph
from signoff_schemas.process_events import DefinitionDeployed, FormDeployed
from signoff_schemas.values import GlobalListener, ListenerEvent, ProcessReference

Row = tuple[object, ...]


def definition_row(event: DefinitionDeployed) -> Row:
    """A deployed process."""
    process = event.process
    return (
        process.definition_key,
        process.process_id,
        process.version,
        process.name,
        event.resource_name,
        event.digest,
        event.tenant,
        orjson.dumps(event.graph).decode(),
        event.content,
        event.deployment_key,
        event.at,
    )


def form_row(event: FormDeployed) -> Row:
    """A deployed form."""
    return (
        event.form_key,
        event.form_id,
        event.version,
        event.resource_name,
        event.digest,
        event.tenant,
        event.content,
        event.deployment_key,
        event.at,
    )


def listener_row(listener: GlobalListener) -> Row:
    """A global listener."""
    return (
        listener.id,
        listener.job_type,
        listener.events,
        listener.retries,
        listener.after_own,
        listener.priority,
        listener.configured,
    )


def definition_of(row: Sequence[Any]) -> Definition:
    """A deployed process, from a row of ``all_definitions``."""
    key, process_id, version, name, graph, tenant, digest, resource_name = row
    return Definition(
        ProcessReference(key, process_id, version, name),
        ProcessGraph.model_validate_json(graph),
        tenant,
        digest,
        resource_name,
    )


def form_of(row: Sequence[Any]) -> Form:
    """A deployed form, from a row of ``latest_forms``."""
    return Form(*row)


def listener_of(row: Sequence[Any]) -> GlobalListener:
    """A global listener, from a row of ``all_listeners``."""
    identifier, job_type, events, *rest = row
    return GlobalListener(identifier, job_type, tuple(ListenerEvent(e) for e in events), *rest)
