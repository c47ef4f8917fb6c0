"""Users and groups as this dialect writes them: a type and a name."""

from collections.abc import Mapping
from typing import Final

from signoff_schemas.work import Person

USER_TYPES: Final = ("EXTERNAL_USER", "EXTERNAL_GROUP", "CONDUCTOR_USER", "CONDUCTOR_GROUP")


def person_of(user_type: str, name: str) -> Person:
    """The person; ``user_type`` is one of ``USER_TYPES``."""
    return Person(name, group=user_type.endswith("_GROUP"), external=user_type.startswith("EXT"))


def user_type_of(person: Person) -> str:
    """The type that tells users from groups and ours from others'."""
    if person.external:
        return "EXTERNAL_GROUP" if person.group else "EXTERNAL_USER"
    return "CONDUCTOR_GROUP" if person.group else "CONDUCTOR_USER"


def human_task_user(person: Person) -> Mapping[str, str]:
    """A ``HumanTaskUser``."""
    return {"userType": user_type_of(person), "user": person.id}
