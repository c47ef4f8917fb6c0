"""Answers of this dialect: 204, resources, and problems with their titles and texts."""

from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Final

import orjson

from signoff_gateway.dialects.camunda.problems import rejection_detail
from signoff_gateway.dialects.camunda.unknown_keys import unknown_key
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
_JSON: Final = (b"content-type", b"application/json")
_PROBLEM: Final = (b"content-type", b"application/problem+json")
_RETRY_AFTER: Final = (b"retry-after", b"1")

_STATUS: Final[Mapping[RejectionType, tuple[int, str]]] = {
    RejectionType.INVALID_ARGUMENT: (400, "INVALID_ARGUMENT"),
    RejectionType.UNAUTHORIZED: (401, "UNAUTHORIZED"),
    RejectionType.FORBIDDEN: (403, "FORBIDDEN"),
    RejectionType.NOT_FOUND: (404, "NOT_FOUND"),
    RejectionType.ALREADY_EXISTS: (409, "ALREADY_EXISTS"),
    RejectionType.INVALID_STATE: (409, "INVALID_STATE"),
    RejectionType.CONFLICTING_REUSE: (422, "CONFLICTING_REUSE"),
    RejectionType.PROCESSING_ERROR: (500, "INTERNAL"),
    RejectionType.RESOURCE_EXHAUSTED: (503, "RESOURCE_EXHAUSTED"),
    RejectionType.UNAVAILABLE: (503, "UNAVAILABLE"),
}
_BAD_REQUEST: Final = "Bad Request"
_TIMED_OUT: Final = "Expected to handle request, but request timed out between gateway and broker"
_EXHAUSTED: Final[Mapping[Limit, str]] = {
    Limit.PARTITION: (
        "Failed to write client request to partition '{partition}', because the request limit is "
        "exhausted. Limit: {bound} commands in flight."
    ),
    Limit.WAITS: (
        "Reached maximum capacity of requests handled. Limit: {bound} requests of this gateway "
        "that wait for listeners."
    ),
    Limit.POLLS: (
        "Reached maximum capacity of requests handled. Limit: {bound} bytes of the types, workers "
        "and variable names that the job polls of this gateway ask for."
    ),
}
_UNAVAILABLE: Final[Mapping[Cause, str]] = {
    Cause.LOG: "Expected to handle request, but request could not be delivered",
    Cause.DATABASE: (
        "Expected to handle request, but there was a connection error with the database"
    ),
    Cause.NO_OWNER: "Cannot accept requests for partition {partition}.",
    Cause.STOPPING: "Expected to handle request, but this gateway is stopping",
    Cause.IDENTITY: "Expected to handle request, but the identity provider cannot be reached",
}
_UNAUTHENTICATED: Final[Mapping[Lack, str]] = {
    Lack.MISSING: "An Authentication object was not found in the SecurityContext",
    Lack.INVALID: "The credentials are not valid",
    Lack.EXPIRED: "The token has expired",
    Lack.WRONG: "Bad credentials",
}
_CHALLENGES: Final = (
    (b"www-authenticate", b'Basic realm="Signoff", charset="UTF-8"'),
    (b"www-authenticate", b"Bearer"),
)


class BadRequest(Refusal):
    """The request cannot be read: title ``Bad Request``."""


class InvalidArgument(Refusal):
    """The request was read and makes no sense: title ``INVALID_ARGUMENT``."""


class NotFound(Refusal):
    """What is asked for is not there."""


class NotAcceptable(Refusal):
    """What is asked for is there, but not in this form."""


class Forbidden(Refusal):
    """The caller may not see what he asks for."""


class Rejected(Refusal):
    """The engine said no."""

    def __init__(self, rejection: Rejection, command_id: str) -> None:
        super().__init__(rejection.code)
        self.rejection = rejection
        self.command_id = command_id


def no_content(settled: Settled) -> Answer:
    """204, or the refusal as an exception. Raises: Rejected."""
    if settled.outcome.status is not OutcomeStatus.APPLIED:
        raise Rejected(_rejection(settled), settled.command_id)
    return Answer(204, ((COMMAND_ID, settled.command_id.encode()),))


def result_of(settled: Settled) -> dict[str, object]:
    """What the command made. Raises: Rejected."""
    if settled.outcome.status is not OutcomeStatus.APPLIED:
        raise Rejected(_rejection(settled), settled.command_id)
    return settled.outcome.result


def json_answer(content: object, status: int = 200, *, command_id: str = "") -> Answer:
    """A resource."""
    headers: HeaderList = (_JSON,)
    if command_id:
        headers = (_JSON, (COMMAND_ID, command_id.encode()))
    return Answer(status, headers, orjson.dumps(content))


def problem(
    status: int,
    title: str,
    detail: str,
    path: str,
    *,
    headers: HeaderList = (),
    command_id: str = "",
) -> Answer:
    """A problem with all five members; the header names the command, if there was one."""
    if command_id:
        headers = (*headers, (COMMAND_ID, command_id.encode()))
    members = _members(status, title, detail, path)
    return Answer(status, (_PROBLEM, *headers), orjson.dumps(members))


def internal_error(path: str) -> Answer:
    """A mistake of ours; what it was stands in the log, not in the answer."""
    detail = "Unexpected error occurred during the request processing"
    return problem(500, "INTERNAL", detail, path)


def rejection_problem(rejection: Rejection) -> tuple[int, str, str]:
    """Status, title and detail of a rejection."""
    status, title = _STATUS[rejection.type]
    return status, title, rejection_detail(rejection)


def refused(refusal: Failure, path: str) -> Answer:
    """The answer to whatever did not end well."""
    match refusal:
        case Exhausted():
            return _exhausted(refusal, path)
        case Rejected():
            return _rejected(refusal, path)
        case OutcomeUnknown():
            return _outcome_unknown(refusal.command_id, path)
        case Unavailable():
            detail = _UNAVAILABLE[refusal.cause].format(partition=refusal.partition)
            return problem(503, "UNAVAILABLE", detail, path, headers=(_RETRY_AFTER,))
        case Unauthenticated():
            detail = _UNAUTHENTICATED[refusal.lack]
            return problem(401, "Unauthorized", detail, path, headers=_CHALLENGES)
        case TooManyLogins():
            return _too_many_logins(refusal, path)
        case PartitionUnknown():
            return problem(*rejection_problem(unknown_key(refusal.command)), path)
        case ReadsError():
            return _unread(refusal, path)
        case _:
            return _http_problem(refusal, path)


def _too_many_logins(refusal: TooManyLogins, path: str) -> Answer:
    detail = f"Too many logins failed, try again in {refusal.wait_seconds} seconds."
    if refusal.under_way:
        detail = "Too many logins are under way, try again in a second."
    headers = ((b"retry-after", str(refusal.wait_seconds).encode()),)
    return problem(429, "Too Many Requests", detail, path, headers=headers)


def _outcome_unknown(command_id: str, path: str) -> Answer:
    """The one problem with a sixth member: what to ask ``/commands`` for."""
    members = _members(504, "DEADLINE_EXCEEDED", _TIMED_OUT, path)
    members["commandId"] = command_id
    headers = (_PROBLEM, (COMMAND_ID, command_id.encode()))
    return Answer(504, headers, orjson.dumps(members))


def _members(status: int, title: str, detail: str, path: str) -> dict[str, object]:
    return {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": path,
    }


def _rejected(refusal: Rejected, path: str) -> Answer:
    status, title, detail = rejection_problem(refusal.rejection)
    headers = (_RETRY_AFTER,) if status == HTTPStatus.SERVICE_UNAVAILABLE else ()
    return problem(status, title, detail, path, headers=headers, command_id=refusal.command_id)


def _unread(error: ReadsError, path: str) -> Answer:
    match error:
        case ReadsExhausted():
            detail = "Expected to read, but all connections to the database are busy"
            return problem(503, "RESOURCE_EXHAUSTED", detail, path, headers=(_RETRY_AFTER,))
        case ReadTimedOut():
            detail = "Expected to read, but the query took longer than a query may"
            return problem(504, "DEADLINE_EXCEEDED", detail, path)
        case _:
            detail = _UNAVAILABLE[Cause.DATABASE]
            return problem(503, "UNAVAILABLE", detail, path, headers=(_RETRY_AFTER,))


def _http_problem(refusal: Failure, path: str) -> Answer:
    match refusal:
        case BadRequest():
            return problem(400, _BAD_REQUEST, str(refusal), path)
        case InvalidArgument():
            return problem(400, "INVALID_ARGUMENT", str(refusal), path)
        case Forbidden():
            return problem(403, "FORBIDDEN", str(refusal), path)
        case NotFound():
            return problem(404, "NOT_FOUND", str(refusal), path)
        case NotAcceptable():
            return problem(406, "Not Acceptable", str(refusal), path)
        case KeyMalformed():
            detail = f"Failed to convert '{refusal.name}' with value: '{refusal.value}'"
            return problem(400, _BAD_REQUEST, detail, path)
        case IdempotencyKeyMalformed():
            detail = f"The header Idempotency-Key takes 1 to {refusal.longest} characters."
            return problem(400, "INVALID_ARGUMENT", detail, path)
        case RouteUnknown():
            detail = f"No endpoint {path}."
            return problem(404, "Not Found", detail, path)
        case MethodNotAllowed():
            allowed = ", ".join(refusal.allowed)
            detail = f"This endpoint supports {allowed} only."
            headers = ((b"allow", allowed.encode()),)
            return problem(405, "Method Not Allowed", detail, path, headers=headers)
        case _:
            return _body_problem(refusal, path)


def _body_problem(refusal: Failure, path: str) -> Answer:
    match refusal:
        case MediaTypeUnsupported():
            detail = f"Content-Type '{refusal.given}' is not supported."
            return problem(415, "Unsupported Media Type", detail, path)
        case BodyTooLarge():
            detail = f"The request body is larger than {refusal.limit} bytes."
            return problem(413, "Content Too Large", detail, path)
        case BodyTooSlow():
            detail = "The request body did not arrive in time."
            return problem(408, "Request Timeout", detail, path)
        case _:
            raise refusal


def _exhausted(refusal: Exhausted, path: str) -> Answer:
    head = _exhausted_head(refusal.limit, refusal.bound, refusal.partition)
    return Answer(503, (_PROBLEM, _RETRY_AFTER), b"".join((head, orjson.dumps(path), b"}")))


@lru_cache(maxsize=1024)
def _exhausted_head(limit: Limit, bound: int, partition: int) -> bytes:
    """Everything but the path: under overload this answer must cost next to nothing."""
    detail = _EXHAUSTED[limit].format(bound=bound, partition=partition)
    whole = problem(503, "RESOURCE_EXHAUSTED", detail, "")
    return whole.body.removesuffix(b'""}')


def _rejection(settled: Settled) -> Rejection:
    if settled.outcome.rejection is not None:
        return settled.outcome.rejection
    # It was withdrawn before it came to the engine.
    return Rejection(
        type=RejectionType.INVALID_STATE,
        code=Code.COMMAND_WITHDRAWN,
        values={"id": settled.command_id},
    )
