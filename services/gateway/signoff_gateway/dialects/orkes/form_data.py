"""What people enter into forms, checked against the form's schema."""

from typing import Final, cast

from jsonschema import ValidationError

from signoff_gateway.dialects.orkes.answers import BadRequest, Invalid
from signoff_gateway.dialects.orkes.form_schemas import Schema, SchemaError, TooSlow, errors_of

ERRORS_SHOWN_MAX: Final = 20
MESSAGE_MAX: Final = 300


def check_form_data(schema: Schema, data: dict[str, object], *, complete: bool) -> None:
    """Refuse data that does not fit; without ``complete``, what is missing may still come.

    Raises: Invalid, which names each field; BadRequest if the form itself is at fault.
    """
    try:
        found = errors_of(schema, data, whole=complete)
    except TooSlow:
        raise BadRequest("The data takes too long to be checked against the user form") from None
    except SchemaError as error:
        raise BadRequest(f"The schema of the user form cannot be applied: {error}") from None
    if found:
        errors = [each for error in found[:ERRORS_SHOWN_MAX] for each in _named(error)]
        path, message, _ = errors[0]
        raise Invalid(*errors[:ERRORS_SHOWN_MAX], told=f"{path}: {message}")


def _named(error: ValidationError) -> list[tuple[str, str, object]]:
    """The field, what is wrong with it, and its value; a field that is missing is named too."""
    path = ".".join(map(str, error.absolute_path))
    instance: object = error.instance
    if error.validator == "required" and isinstance(instance, dict):
        names = cast("list[str]", error.validator_value)
        prefix = f"{path}." if path else ""
        missing = [name for name in names if name not in instance]
        # Each missing name comes as an error of its own.
        return [(f"{prefix}{name}", "is required", None) for name in missing if _is_of(error, name)]
    message = error.message
    shown = message if len(message) <= MESSAGE_MAX else f"{message[:MESSAGE_MAX]}…"
    return [(path or "output", shown, instance)]


def _is_of(error: ValidationError, name: str) -> bool:
    return error.message.startswith(repr(name))
