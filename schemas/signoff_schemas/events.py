"""All events: applied to state by ``evolve``, stored with their step, published in order."""

from typing import Annotated

from pydantic import Field

from signoff_schemas.job_events import IncidentEvent, JobEvent
from signoff_schemas.process_events import ProcessEvent, SettingsEvent, StartSettled
from signoff_schemas.task_events import TaskEvent

Event = Annotated[
    TaskEvent | JobEvent | IncidentEvent | ProcessEvent | StartSettled | SettingsEvent,
    Field(discriminator="type"),
]
