"""The document and its page: valid, whole, and served to everybody."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import openapi_spec_validator
import pytest

import signoff_gateway.dialects
from signoff_gateway.dialects.camunda import results
from signoff_gateway.exchange import BodyKind
from signoff_gateway.gateway import GatewayValues
from signoff_gateway.identity.service import IdentityValues
from signoff_gateway.openapi.operations import JSON
from signoff_gateway.reads.rows import (
    FormRow,
    IncidentRow,
    JobRow,
    ProcessInstanceRow,
    UserTaskRow,
    VariableRow,
)
from tests.support.contract import Contract, Undocumented
from tests.support.gateway import Stack, contract_of, running

DIALECTS = Path(signoff_gateway.dialects.__path__[0])
USER_TASK = UserTaskRow(
    1, "CLAIMING", None, "e", 2, None, None, ["g"], [], 50, 3, "p", 1, None, 4, "<default>",
    5, None, None, None, None, None, {"a": "b"}, [], None,
)  # fmt: skip
JOB = JobRow(
    1, "check", "TASK_LISTENER", "creating", "CREATED", 3, "", None, None, None, None, None,
    False, {}, None, "e", 2, 3, "p", 4, "<default>", 5, None, 6, 0,  # noqa: FBT003
)  # fmt: skip
INCIDENT = IncidentRow(
    1, "JOB_NO_RETRIES", "m", "ACTIVE", 5, "e", 2, None, None, 3, "p", 4, "<default>"
)
VARIABLE = VariableRow(1, "x", "1", False, 2, 3, "<default>")  # noqa: FBT003
INSTANCE = ProcessInstanceRow(
    1, "TERMINATING", 3, "p", 1, None, "<default>", [], None, 5, None, None,
    has_incident=False,
)  # fmt: skip
READERS = {"read", "read_optional", "read_many", "validated"}
QUERY_READERS = {"text", "texts", "flag", "number", "numbers", "required"}


@pytest.fixture
def contract(stack: Stack) -> Contract:
    return contract_of(stack.gateway)


def calls(dialect: str) -> Iterator[ast.Call]:
    for path in (DIALECTS / dialect).glob("*.py"):
        yield from (
            each for each in ast.walk(ast.parse(path.read_text())) if type(each) is ast.Call
        )


async def test_the_document_is_valid(stack: Stack) -> None:
    answer = await stack.client.get("/openapi.json")

    assert answer.headers["content-type"] == JSON
    assert answer.json()["openapi"].startswith("3.1.")
    openapi_spec_validator.validate(answer.json())


def test_every_route_has_an_operation_and_every_operation_a_route(stack: Stack) -> None:
    for dialect in stack.gateway.dialects:
        routes = {(each.method, each.template) for each in dialect.routes}

        assert routes == set(dialect.description.operations)


def test_what_a_route_reads_is_what_its_operation_says(stack: Stack) -> None:
    for dialect in stack.gateway.dialects:
        for route in dialect.routes:
            said = dialect.description.operations[route.method, route.template]
            where = f"{route.method} {route.template}"

            assert (said.request is None) or route.body is not BodyKind.NONE, where
            if route.body in {BodyKind.JSON, BodyKind.FORM}:
                assert said.request is not None, where


@pytest.mark.parametrize(("dialect", "prefix"), [("camunda", "Camunda"), ("orkes", "Conductor")])
def test_every_model_of_a_request_is_in_the_document(
    contract: Contract, dialect: str, prefix: str
) -> None:
    models = {
        call.args[0].id
        for call in calls(dialect)
        if isinstance(call.func, ast.Name) and call.func.id in READERS
        if isinstance(call.args[0], ast.Name) and call.args[0].id[0].isupper()
    }

    assert models
    assert {f"{prefix}.{each}" for each in models} <= set(
        contract.document["components"]["schemas"]
    )


def test_the_query_parameters_are_those_that_are_read(stack: Stack) -> None:
    read = {
        argument.value
        for call in calls("orkes")
        if isinstance(call.func, ast.Attribute) and call.func.attr in QUERY_READERS
        for argument in call.args[:1]
        if isinstance(argument, ast.Constant)
    }
    operations = stack.gateway.dialects[1].description.operations.values()

    assert read == {each.name for operation in operations for each in operation.query}


def test_nothing_is_without_words(contract: Contract) -> None:
    for item in contract.document["paths"].values():
        for operation in item.values():
            assert operation["summary"]
            assert operation["responses"]


@pytest.mark.parametrize(
    ("name", "entity"),
    [
        ("UserTask", results.user_task_result(USER_TASK)),
        ("Job", results.job_result(JOB)),
        ("Incident", results.incident_result(INCIDENT)),
        ("Variable", results.variable_result(VARIABLE)),
        ("FoundVariable", results.variable_search_result(VARIABLE, truncated=True)),
        ("ProcessInstance", results.process_instance_result(INSTANCE)),
        ("Form", results.form_result(FormRow(1, "f", 1, "<default>", "{}"))),
    ],
)
def test_what_reads_show_is_documented(contract: Contract, name: str, entity: object) -> None:
    contract.check_entity(f"Camunda.{name}", entity)


def test_names_of_schemas_are_short(contract: Contract) -> None:
    assert [each for each in contract.document["components"]["schemas"] if "__" in each] == []


async def test_the_page_and_all_that_it_needs_come_from_here(stack: Stack) -> None:
    page = await stack.client.get("/docs")
    needed = re.findall(r'(?:src|href)="([^"]+)"', page.text)

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert len(needed) == 4
    for path in needed:
        answer = await stack.client.get(f"/{path}")
        assert answer.status_code == 200, path
        assert answer.content
        assert answer.headers["x-content-type-options"] == "nosniff"
    kinds = [(await stack.client.get(f"/{each}")).headers["content-type"] for each in needed]
    assert [each.partition(";")[0] for each in kinds] == [
        "image/png",
        "text/css",
        "text/javascript",
        "text/javascript",
    ]
    assert 'url: "openapi.json"' in (await stack.client.get("/docs/start.js")).text


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/docs/swagger-ui-bundle.js"])
async def test_what_has_not_changed_is_not_sent_again(stack: Stack, path: str) -> None:
    first = await stack.client.get(path)
    again = await stack.client.get(path, headers={"if-none-match": first.headers["etag"]})

    assert first.headers["cache-control"] == "no-cache"
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "asset", ["swagger-ui.js", "index.html", "..%2f__init__.py", "%2e%2e%2fLICENSE", "a/b", "", "."]
)
async def test_no_other_file_is_served(stack: Stack, asset: str) -> None:
    reader, writer = await stack.raw(
        f"GET /docs/{asset} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode()
    )
    answer = await reader.read()
    writer.close()

    assert answer.startswith(b"HTTP/1.1 404 ")


async def test_no_credentials_are_needed() -> None:
    async with running(GatewayValues(identity=IdentityValues(required=True))) as stack:
        answers = [await stack.client.get(path) for path in ("/openapi.json", "/docs")]
        refused = await stack.client.get("/v2/topology")

    assert [each.status_code for each in answers] == [200, 200]
    assert refused.status_code == 401


class TestTheContractOfOtherTests:
    """Every answer of a gateway under test goes through it."""

    @staticmethod
    def answer(status: int, content: object, media: str = JSON) -> httpx.Response:
        request = httpx.Request("GET", "http://x/v2/license")
        response = httpx.Response(status, json=content, request=request)
        response.headers["content-type"] = media
        return response

    LICENSE: dict[str, object] = {  # noqa: RUF012
        "validLicense": False,
        "licenseType": "unknown",
        "isCommercial": False,
        "expiresAt": None,
    }

    async def test_what_is_documented_passes(self, contract: Contract) -> None:
        await contract.check(self.answer(200, self.LICENSE))

    @pytest.mark.parametrize(
        ("status", "changes", "media"),
        [
            (201, {}, JSON),
            (200, {}, "text/plain"),
            (200, {"surprise": 1}, JSON),
            (200, {"validLicense": "no"}, JSON),
        ],
    )
    async def test_what_is_not_documented_fails(
        self, contract: Contract, status: int, changes: dict[str, object], media: str
    ) -> None:
        with pytest.raises(Undocumented):
            await contract.check(self.answer(status, self.LICENSE | changes, media))
