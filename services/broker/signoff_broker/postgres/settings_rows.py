"""Cluster-wide settings and their rows: pure, both ways.

Column orders are those of ``sql/settings.sql``.
"""

from collections.abc import Sequence
from typing import Any, Final

import orjson
from pydantic import TypeAdapter

from signoff_broker.engine.state import Definition, Form, Stored
from signoff_schemas.documents import DocumentSet
from signoff_schemas.graph import ProcessGraph
from signoff_schemas.process_events import DefinitionDeployed, FormDeployed, ResourceDeployed
from signoff_schemas.values import GlobalListener, ListenerEvent, ProcessReference
from signoff_schemas.work import TaskRule

Row = tuple[object, ...]

_RULE: Final = TypeAdapter(TaskRule)


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
        event.deployed_by,
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


def resource_row(event: ResourceDeployed) -> Row:
    """A file that is only kept."""
    return (
        event.resource_key,
        event.name,
        event.version,
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


def document_row(event: DocumentSet) -> Row:
    """A version of a document."""
    return (
        event.kind,
        event.id,
        event.version,
        orjson.dumps(event.content).decode(),
        None if event.rule is None else orjson.dumps(event.rule).decode(),
        event.at,
        event.by,
    )


def rule_of(text: str) -> TaskRule:
    """The rule that a document is."""
    return _RULE.validate_json(text)


def definition_of(row: Sequence[Any], graph: ProcessGraph) -> Definition:
    """A deployed process, from a row of ``definitions`` and its graph."""
    return Definition(ProcessReference(*row[:4]), graph, *row[4:])


def form_of(row: Sequence[Any]) -> Form:
    """A deployed form, from a row of ``latest_forms``."""
    return Form(*row)


def stored_of(row: Sequence[Any]) -> Stored:
    """A file that is only kept, from a row of ``latest_resources``."""
    return Stored(*row)


def listener_of(row: Sequence[Any]) -> GlobalListener:
    """A global listener, from a row of ``all_listeners``."""
    identifier, job_type, events, *rest = row
    return GlobalListener(identifier, job_type, tuple(ListenerEvent(e) for e in events), *rest)
