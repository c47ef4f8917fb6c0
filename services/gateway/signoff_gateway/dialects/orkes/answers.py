"""Answers of this dialect: entities, empty successes, and errors in Conductor's shape."""

from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Final

import orjson

from signoff_gateway.dialects.orkes.problems import rejection_message, rejection_status
from signoff_gateway.exchange import Answer, HeaderList
from signoff_gateway.reads import ReadsError, ReadsExhausted, ReadTimedOut
from signoff_gateway.refusals import (
    BodyTooLarge,
    BodyTooSlow,
    Cause,
    Exhausted,
    Failure,
    IdempotencyKeyMalformed,
    KeyMalformed,
    Lack,
    Limit,
    MediaTypeUnsupported,
    MethodNotAllowed,
    OutcomeUnknown,
    PartitionUnknown,
    Refusal,
    RouteUnknown,
    TooManyLogins,
    Unauthenticated,
    Unavailable,
)
from signoff_gateway.sending import Settled
from signoff_schemas.rejections import Code, Rejection, RejectionType
from signoff_schemas.replies import OutcomeStatus

COMMAND_ID: Final = b"signoff-command-id"
INSTANCE: Final = "signoff"
"""The server's name in error bodies: the same for all, so that it tells nothing of a network."""
VALUE_SHOWN_MAX: Final = 200

_JSON: Final = (b"content-type", b"application/json")
_TEXT: Final = (b"content-type", b"text/plain;charset=utf-8")
_RETRY_AFTER: Final = (b"retry-after", b"1")
_INVALID: Final = "Validation failed, check below errors for detail."
_EXHAUSTED: Final[Mapping[Limit, str]] = {
    Limit.PARTITION: "Too many requests at once: {bound} commands are in flight. Nothing was done.",
    Limit.WAITS: "Too many requests at once: {bound} wait for task listeners. Nothing was done.",
    Limit.POLLS: "Too many different polls at once: they ask for {bound} bytes of names.",
}
_UNAVAILABLE: Final[Mapping[Cause, str]] = {
    Cause.LOG: "The request could not be delivered. Nothing was done.",
    Cause.DATABASE: "The database is not available. Nothing was done.",
    Cause.NO_OWNER: "Nobody serves partition {partition} at present. Nothing was done.",
    Cause.STOPPING: "This server is stopping. Nothing was done.",
    Cause.IDENTITY: "The identity provider cannot be reached. Nothing was done.",
}
_UNAUTHENTICATED: Final[Mapping[Lack, tuple[str, str]]] = {
    Lack.MISSING: ("INVALID_TOKEN", "Token cannot be null or empty"),
    Lack.INVALID: ("INVALID_TOKEN", "Token is not valid"),
    Lack.EXPIRED: ("EXPIRED_TOKEN", "Token has expired"),
    # Another code would have clients ask for a token because no token could be had.
    Lack.WRONG: ("INVALID_CREDENTIALS", "The key id and the secret do not belong together"),
}
_OUTCOME_UNKNOWN: Final = (
    "The request is accepted, but its outcome is not known yet: ask GET /v2/commands/{id} for it"
)
_PARTLY_DONE: Final = (
    "Only a part of the request was done, there was no room for the rest: repeat it"
)
_ID_STATUS: Final[Mapping[str, int]] = {"workflowId": 404}
"""Of an id that is none, by the parameter's name; 400 for all others."""


class BadRequest(Refusal):
    """The request makes no sense (400)."""


class Invalid(BadRequest):
    """Values of the request are not what they should be: 400 that names them.

    Args:
        errors: Path, what is wrong, and the value; at least one.
        told: What the message says of it, for clients that show nothing else.
    """

    def __init__(self, *errors: tuple[str, str, object], told: str = "") -> None:
        super().__init__(f"{_INVALID} {told}" if told else _INVALID)
        self.errors = errors


class Forbidden(Refusal):
    """The caller may not do that (403)."""


class NotFound(Refusal):
    """What is asked for is not there (404)."""


class Conflict(Refusal):
    """What is there already is in the way (409)."""


class PartlyDone(Refusal):
    """Some of what was asked for is in effect, and some could not be handed over (504)."""


class Rejected(Refusal):
    """The engine said no. ``missing``: the status if what the command is about is not there."""

    def __init__(self, settled: Settled, *, missing: int = 404) -> None:
        self.rejection: Final = _rejection(settled)
        super().__init__(self.rejection.code)
        self.command_id: Final = settled.command_id
        self.missing: Final = missing


def void(settled: Settled, *, missing: int = 404) -> Answer:
    """200 without a body. Raises: Rejected."""
    result_of(settled, missing=missing)
    return Answer(200, ((COMMAND_ID, settled.command_id.encode()),))


def result_of(settled: Settled, *, missing: int = 404) -> dict[str, object]:
    """What the command made. Raises: Rejected."""
    if settled.outcome.status is not OutcomeStatus.APPLIED:
        raise Rejected(settled, missing=missing)
    return settled.outcome.result


def json_answer(content: object, *, command_id: str = "") -> Answer:
    """An entity."""
    headers: HeaderList = (_JSON,)
    if command_id:
        headers = (_JSON, (COMMAND_ID, command_id.encode()))
    return Answer(200, headers, orjson.dumps(content))


def text_answer(text: str, *, command_id: str = "") -> Answer:
    """An id or the like, as plain text."""
    headers: HeaderList = (_TEXT,)
    if command_id:
        headers = (_TEXT, (COMMAND_ID, command_id.encode()))
    return Answer(200, headers, text.encode())


def unauthorized(error: str, message: str, now_ms: int) -> Answer:
    """401, in the shape that clients refresh their token by: ``error`` is always there."""
    members = {"message": message, "error": error, "timestamp": now_ms}
    return Answer(401, (_JSON,), orjson.dumps(members))


def failed(status: int, message: str, *, headers: HeaderList = (), **more: object) -> Answer:
    """An error body; ``retryable`` if the same request may succeed in a moment."""
    members = {
        "status": status,
        "message": message,
        "instance": INSTANCE,
        "retryable": status == HTTPStatus.SERVICE_UNAVAILABLE,
        **more,
    }
    return Answer(status, (_JSON, *headers), orjson.dumps(members))


def internal_error() -> Answer:
    """A mistake of ours; what it was stands in the log, not in the answer."""
    return failed(500, "An unexpected error occurred.")


def refused(refusal: Failure, path: str) -> Answer:
    """The answer to whatever did not end well."""
    match refusal:
        case Exhausted():
            return _exhausted(refusal.limit, refusal.bound)
        case Rejected():
            return _rejected(refusal)
        case OutcomeUnknown():
            identifier = refusal.command_id
            header = (COMMAND_ID, identifier.encode())
            message = f"{_OUTCOME_UNKNOWN.format(id=identifier)}."
            return failed(504, message, headers=(header,), commandId=identifier)
        case Unauthenticated():
            return unauthorized(*_UNAUTHENTICATED[refusal.lack], refusal.at)
        case TooManyLogins():
            return _too_many_logins(refusal)
        case PartlyDone():
            return failed(504, f"{_PARTLY_DONE}.", headers=(_RETRY_AFTER,))
        case Unavailable():
            message = _UNAVAILABLE[refusal.cause].format(partition=refusal.partition)
            return failed(503, message, headers=(_RETRY_AFTER,))
        case ReadsError():
            return _unread(refusal)
        case Invalid():
            errors = [_validation_error(*each) for each in refusal.errors]
            return failed(400, str(refusal), validationErrors=errors)
        case _:
            return _plain(refusal, path)


@lru_cache(maxsize=1024)
def _exhausted(limit: Limit, bound: int) -> Answer:
    """Made once: under overload this answer must cost next to nothing."""
    message = _EXHAUSTED[limit].format(bound=bound)
    return failed(503, message, headers=(_RETRY_AFTER,), code="RESOURCE_EXHAUSTED")


def _rejected(refusal: Rejected) -> Answer:
    status = rejection_status(refusal.rejection, missing=refusal.missing)
    headers: HeaderList = ((COMMAND_ID, refusal.command_id.encode()),)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers = (*headers, _RETRY_AFTER)
    return failed(status, rejection_message(refusal.rejection), headers=headers)


def _rejection(settled: Settled) -> Rejection:
    if settled.outcome.rejection is not None:
        return settled.outcome.rejection
    # It was withdrawn before it came to the engine.
    return Rejection(
        type=RejectionType.INVALID_STATE,
        code=Code.COMMAND_WITHDRAWN,
        values={"id": settled.command_id},
    )


def _too_many_logins(refusal: TooManyLogins) -> Answer:
    message = f"Too many logins failed, try again in {refusal.wait_seconds} seconds."
    if refusal.under_way:
        message = "Too many logins are under way, try again in a second."
    header = (b"retry-after", str(refusal.wait_seconds).encode())
    return failed(429, message, headers=(header,))


def _unread(error: ReadsError) -> Answer:
    match error:
        case ReadsExhausted():
            message = "Too many requests read from the database at once."
            return failed(503, message, headers=(_RETRY_AFTER,), code="RESOURCE_EXHAUSTED")
        case ReadTimedOut():
            return failed(504, "The query took longer than a query may.")
        case _:
            return failed(503, _UNAVAILABLE[Cause.DATABASE], headers=(_RETRY_AFTER,))


def _validation_error(path: str, message: str, value: object) -> Mapping[str, object]:
    if value is None:
        return {"path": path, "message": message}
    shown = value if isinstance(value, str) else orjson.dumps(value).decode()
    return {"path": path, "message": message, "invalidValue": shown[:VALUE_SHOWN_MAX]}


def _plain(refusal: Failure, path: str) -> Answer:
    match refusal:
        case BadRequest():
            return failed(400, str(refusal))
        case Forbidden():
            return failed(403, str(refusal))
        case NotFound():
            return failed(404, str(refusal))
        case Conflict():
            return failed(409, str(refusal))
        case KeyMalformed():
            message = f"Nothing found by {refusal.name}: {refusal.value[:VALUE_SHOWN_MAX]}"
            return failed(_ID_STATUS.get(refusal.name, 400), message)
        case PartitionUnknown():
            return _of_no_partition(refusal)
        case IdempotencyKeyMalformed():
            message = f"The header Idempotency-Key takes 1 to {refusal.longest} characters."
            return failed(400, message)
        case _:
            return _http_failure(refusal, path)


def _of_no_partition(refusal: PartitionUnknown) -> Answer:
    """An id in the right shape, of a partition that does not exist."""
    missing = 400 if hasattr(refusal.command, "task_key") else 404
    return failed(missing, "Nothing found by this id.")


def _http_failure(refusal: Failure, path: str) -> Answer:
    match refusal:
        case RouteUnknown():
            return failed(404, f"No static resource {path.removeprefix('/')}.")
        case MethodNotAllowed():
            allowed = ", ".join(refusal.allowed)
            header = (b"allow", allowed.encode())
            message = f"The request method is not supported: {allowed} only."
            return failed(405, message, headers=(header,))
        case MediaTypeUnsupported():
            return failed(415, f"Content-Type '{refusal.given}' is not supported.")
        case BodyTooLarge():
            return failed(413, f"The request body is larger than {refusal.limit} bytes.")
        case BodyTooSlow():
            return failed(408, "The request body did not arrive in time.")
        case _:
            raise refusal
