"""The golden traces: what the original shows of a task after these calls, ids and times masked."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.system.orkes.office import Json, Office

pytestmark = pytest.mark.system

TRACES = sorted((Path(__file__).parent / "golden").glob("*.json"))
PEOPLE = ("carol", "john", "jane", "app")
TIMES = {"createdOn", "updatedOn", "stateStart", "lastUpdated"}
IDS = {"taskId", "workflowId"}
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def masked(value: Any) -> Any:
    """Ids and times as the golden files have them; what is not one where it should be stays."""
    if isinstance(value, list):
        return [masked(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: _masked(name, each) for name, each in value.items()}


def _masked(name: str, value: Any) -> Any:
    if name in TIMES and isinstance(value, int):
        return "<time>"
    if name in IDS:
        return "<id>"
    if name == "workflowName":
        return "<name>"
    if name == "id" and isinstance(value, str) and UUID.fullmatch(value):
        return "<uuid>"
    return masked(value)


@pytest.mark.parametrize("file", TRACES, ids=lambda file: file.stem)
async def test_a_golden_trace_comes_out_the_same(office: Office, file: Path) -> None:
    trace = json.loads(file.read_text())
    await office.people(*PEOPLE)
    task = await office.task(*trace["assignees"], user=trace["startedBy"])
    before = await office.get(task)
    answer = None
    for call in trace["calls"]:
        path = f"/human/tasks/{task}/{call['path']}"
        answer = await office.done(path, call.get("body"), user=call["user"])
    read = await office.get(task)
    assert masked(read) == trace["entry"]
    if answer:
        # The answer to a claim, which is what the original's samples show.
        assert masked(answer) == trace["entry"]
        must_be_in_time(before, answer)
    log = read["input"]["__humanTaskProcessContext"]["humanTaskActionLogs"]
    assert len({line["id"] for line in log}) == len(log)


def must_be_in_time(before: Json, claimed: Json) -> None:
    """``updatedOn`` tells of the time before the claim, ``lastUpdated`` of the claim."""
    context = claimed["input"]["__humanTaskProcessContext"]
    log = context["humanTaskActionLogs"]
    assert claimed["updatedOn"] == before["updatedOn"] == log[0]["stateStart"]
    assert context["lastUpdated"] == log[-1]["stateStart"] >= log[0]["stateStart"]


def test_all_traces_are_there() -> None:
    assert [file.stem for file in TRACES] == [f"G{number}" for number in range(1, 10)]
