"""What this dialect calls the attributes of a task."""

from collections.abc import Mapping
from typing import Final

ATTRIBUTE_LABELS: Final[Mapping[str, str]] = {
    "assignee": "assignee",
    "candidate_groups": "candidateGroupsList",
    "candidate_users": "candidateUsersList",
    "due_date": "dueDate",
    "follow_up_date": "followUpDate",
    "priority": "priority",
    "variables": "variables",
}
"""By our name: as lists of changed attributes and engine texts print it."""
