"""Whatever comes in is answered with a clear problem or works, and nobody else notices."""

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from signoff_schemas.limits import ITEMS_MAX
from tests.system.conftest import Product
from tests.system.modelling import bpmn, service_task

pytestmark = pytest.mark.system

TASKS = "/v2/user-tasks"
JSON = {"content-type": "application/json"}
KINDS = {400, 404, 405, 413, 415, 422, 431}


def with_variable(process: str, value: str) -> str:
    return f'{{"processDefinitionId":"{process}","variables":{{"v":{value}}}}}'


async def deployed(http: httpx.AsyncClient, unique: str) -> str:
    file = (f"{unique}.bpmn", bpmn(unique, service_task(unique)))
    answer = await http.post("/v2/deployments", files={"resources": file})
    assert answer.status_code == 200, answer.text
    return unique


async def still_serves(http: httpx.AsyncClient, unique: str) -> None:
    """A task can be made, changed and read, on the gateway that was attacked."""
    made = await http.post(TASKS, json={"name": unique})
    key = made.json()["userTaskKey"]
    changed = await http.patch(f"{TASKS}/{key}", json={"changeset": {"priority": 9}})
    read = await http.get(f"{TASKS}/{key}")

    assert (made.status_code, changed.status_code) == (201, 204)
    assert read.json()["priority"] == 9


def is_clear(answer: httpx.Response) -> None:
    """A problem with all that clients read."""
    assert answer.status_code in KINDS, (answer.status_code, answer.text[:500])
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert set(problem) >= {"type", "title", "status", "detail", "instance"}
    assert problem["status"] == answer.status_code
    assert problem["detail"]


@pytest.mark.parametrize(
    "value",
    [
        "NaN",
        "Infinity",
        "1e400",
        "9" * 400,
        str(2**64),
        r'"\ud800"',
        r'"\u0000"',
        r'{"\udfff":1}',
        "[" * 200 + "]" * 200,
        "[" * 200_000 + "]" * 200_000,
        '{"a":' * 5_000 + "1" + "}" * 5_000,
        "01",
        "'x'",
    ],
    ids=lambda value: value[:12],
)
async def test_variables_that_cannot_be_stored_are_refused(
    http: httpx.AsyncClient, unique: str, value: str
) -> None:
    process = await deployed(http, unique)
    body = with_variable(process, value)

    is_clear(await http.post("/v2/process-instances", content=body, headers=JSON))

    search = {"filter": {"processDefinitionId": process}}
    found = await http.post("/v2/process-instances/search", json=search)
    assert found.json()["page"]["totalItems"] == 0
    await still_serves(http, unique)


@pytest.mark.parametrize(
    "value",
    [
        "x" * 1_000_000,
        2**63 - 1,
        -(2**63),
        1e308,
        "\U0001f600 \u202e \x7f",
        [[[[[[[[[[1]]]]]]]]]],
        {"": {"a b": None}},
    ],
    ids=lambda value: repr(value)[:12],
)
async def test_variables_at_the_limit_come_back_as_they_were(
    http: httpx.AsyncClient, unique: str, value: Any
) -> None:
    process = await deployed(http, unique)
    body = {"processDefinitionId": process, "variables": {"v": value}}
    started = await http.post("/v2/process-instances", json=body)
    assert started.status_code == 200, started.text[:300]
    search = {"filter": {"processInstanceKey": started.json()["processInstanceKey"]}}

    found = await http.post("/v2/variables/search?truncateValues=false", json=search)

    assert [json.loads(each["value"]) for each in found.json()["items"]] == [value]


@pytest.mark.parametrize(
    "body",
    [
        b'{"name":"\xff\xfe"}',
        b'\xef\xbb\xbf{"name":"x"}',
        '{"name":"x"}'.encode("utf-16"),
        b"[]",
        b'"x"',
        b"",
        b'{"name":"x"',
        b'{"name":"x"}{"name":"y"}',
        b'{"name":' + b"[" * 100_000,
        rb'{"name":"\ud800"}',
        rb'{"name":"\u0000"}',
        b'{"name":"' + b"x" * 1_000_000 + b'"}',
        b'{"name":7}',
        b'{"nmae":"x"}',
        b'{"priority":9223372036854775808}',
        b'{"priority":1e2}',
        b'{"dueDate":"9999-12-31T23:59:59-18:00"}',
        b'{"dueDate":"tomorrow"}',
        json.dumps({"candidateUsers": [f"u{n}" for n in range(100_000)]}).encode(),
    ],
    ids=lambda body: ascii(body[:24]),
)
async def test_bodies_that_make_no_task_are_refused(
    http: httpx.AsyncClient, unique: str, body: bytes
) -> None:
    is_clear(await http.post(TASKS, content=body, headers=JSON))

    await still_serves(http, unique)


async def test_ten_thousand_candidates_are_kept_and_more_are_refused(
    http: httpx.AsyncClient,
) -> None:
    users = [f"user-{number}" for number in range(ITEMS_MAX)]

    made = await http.post(TASKS, json={"candidateUsers": users})

    assert made.status_code == 201, made.text[:300]
    task = f"{TASKS}/{made.json()['userTaskKey']}"
    assert (await http.get(task)).json()["candidateUsers"] == users
    groups = {"changeset": {"candidateGroups": users}}
    assert (await http.patch(task, json=groups)).status_code == 204
    assert (await http.get(task)).json()["candidateGroups"] == users
    too_many = [*users, "one-more"]
    for answer in (
        await http.post(TASKS, json={"candidateUsers": too_many}),
        await http.patch(task, json={"changeset": {"candidateUsers": too_many}}),
    ):
        is_clear(answer)
        assert "exceeds the limit of 10000 items" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/v2/nothing"),
        ("PUT", TASKS),
        ("GET", f"{TASKS}/abc"),
        ("GET", f"{TASKS}/9223372036854775808"),
        ("GET", f"{TASKS}/{'1' * 26}"),
        ("GET", f"{TASKS}/%00"),
        ("GET", f"{TASKS}/%ff"),
        ("GET", f"{TASKS}/%D9%A1"),
        ("DELETE", f"{TASKS}/-1/assignee"),
        ("DELETE", f"{TASKS}/{(8191 << 51) + 1}/assignee"),
        ("GET", "/v2/commands/%00"),
        ("GET", "/v2/commands/c99-0192d4e8-5b1c-7000-8000-0123456789ab"),
        ("POST", "/v2/commands/nonsense/withdrawal"),
        ("POST", TASKS + "/search?truncateValues=%zz&%00=%ff"),
        ("GET", "/v2/" + "x" * 50_000),
    ],
    ids=lambda value: value[:40],
)
async def test_odd_paths_are_refused(http: httpx.AsyncClient, method: str, path: str) -> None:
    answer = await http.request(method, path)

    if answer.status_code != 200:
        is_clear(answer)


@pytest.mark.parametrize(
    "search",
    [
        {"page": {"limit": 10**20}},
        {"page": {"limit": 0}},
        {"page": {"after": "AAAA"}},
        {"page": 7},
        {"sort": [{"field": "nothing"}]},
        {"filter": {"name": "\x00"}},
        {"filter": {"priority": {"$gt": 10**20}}},
        {"filter": {"creationDate": {"$gt": "0000-01-01T00:00:00Z"}}},
        {"filter": {"userTaskKey": "abc"}},
        {"filter": {"name": {"$regex": "(a+)+$"}}},
    ],
    ids=str,
)
async def test_searches_that_make_no_sense_are_refused(
    http: httpx.AsyncClient, search: dict[str, Any]
) -> None:
    is_clear(await http.post(f"{TASKS}/search", json=search))


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "x/y; ="])
async def test_another_content_type_is_415(http: httpx.AsyncClient, kind: str) -> None:
    answer = await http.post(TASKS, content=b'{"name":"x"}', headers={"content-type": kind})

    is_clear(answer)
    assert answer.status_code == 415


@pytest.mark.parametrize(
    "poll",
    [
        {"type": "bad", "timeout": 2**63 - 1},
        {"type": "bad\n\u00a0\u200b", "timeout": 1000},
        {"type": "bad", "timeout": 1000, "worker": "\u2028"},
        {"type": "x" * 500, "timeout": 1000, "worker": "y" * 500},
        {"type": "bad", "timeout": 1000, "fetchVariable": [f"v{n}" for n in range(500)]},
    ],
    ids=lambda poll: ascii(poll)[:50],
)
async def test_an_odd_poll_takes_nothing_from_the_others(
    http: httpx.AsyncClient, unique: str, poll: dict[str, Any]
) -> None:
    process = await deployed(http, unique)
    wait = {"maxJobsToActivate": 1, "requestTimeout": 25_000}
    activation = "/v2/jobs/activation"
    odd = asyncio.create_task(http.post(activation, json={**poll, **wait}))
    good = {"type": unique, "timeout": 60_000, **wait}
    waiting = asyncio.create_task(http.post(activation, json=good))

    await asyncio.sleep(0.3)
    await http.post("/v2/process-instances", json={"processDefinitionId": process})

    assert len((await waiting).json()["jobs"]) == 1
    if odd.done():
        is_clear(odd.result())
    odd.cancel()
    await asyncio.wait([odd])


async def exchange(
    product: Product, *parts: bytes, pause: float = 0, patience: float = 60
) -> bytes:
    """Send raw bytes until there is an answer, and read it. Raises: TimeoutError."""
    place = urlsplit(product.front)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    answer = asyncio.ensure_future(reader.read(65_536))
    try:
        for part in parts:
            if answer.done():
                break
            writer.write(part)
            await asyncio.sleep(pause)
        async with asyncio.timeout(patience):
            return await answer
    finally:
        answer.cancel()
        writer.close()


def post(*headers: bytes) -> bytes:
    lines = [b"POST /v2/user-tasks HTTP/1.1", b"Host: x", b"Content-Type: application/json"]
    return b"\r\n".join([*lines, *headers, b"", b""])


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(content), content)


CHUNKED = b"Transfer-Encoding: chunked"


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([post(b"Content-Length: 100000000")], 413),
        ([post(b"Content-Length: 100000000", b"Expect: 100-continue")], 413),
        ([post(CHUNKED), *[chunk(b"x" * 65_536)] * 65], 413),
        ([post(b"Content-Length: 99999999999999999999999")], 400),
        ([post(b"Content-Length: -1")], 400),
        ([post(CHUNKED), b"zz\r\n"], 400),
        ([b"\x16\x03\x01\x02\x00\x01\x00\x01"], 400),
        ([b"GET /v2/status HTTP/1.1\r\nX: ", b"y" * 65_536], 431),
        ([b"GET /v2/status HTTP/1.1\r\n", b"X: y\r\n" * 20_000], 431),
    ],
    ids=["long", "expects", "chunks", "absurd", "negative", "bad chunk", "tls", "line", "head"],
)
async def test_a_request_that_is_too_much_or_none_is_refused_before_it_is_read(
    product: Product, http: httpx.AsyncClient, unique: str, parts: list[bytes], status: int
) -> None:
    answer = await exchange(product, *parts, pause=0.01)

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), answer
    assert b"content-type: application/problem+json" in head
    assert json.loads(body)["status"] == status
    await still_serves(http, unique)


async def test_a_wish_for_another_protocol_is_not_heard_and_costs_no_body(
    product: Product, http: httpx.AsyncClient, unique: str
) -> None:
    """Java's own client adds these headers to each request."""
    body = b'{"name":"%s-upgrade"}' % unique.encode()
    wish = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk")
    request = post(b"Content-Length: %d" % len(body), *wish) + body

    whole = await exchange(product, request)
    in_pieces = await exchange(product, request[:-5], request[-5:], pause=0.05)

    assert whole.startswith(b"HTTP/1.1 201 "), whole
    assert in_pieces.startswith(b"HTTP/1.1 201 "), in_pieces
    search = {"filter": {"name": f"{unique}-upgrade"}}
    found = await http.post(f"{TASKS}/search", json=search)
    assert found.json()["page"]["totalItems"] == 2


@pytest.mark.parametrize("path", [b"/", b"/v2/topology"])
async def test_a_wish_for_a_websocket_is_refused(product: Product, path: bytes) -> None:
    head = b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\n"
    wish = b"Upgrade: WebSocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

    answer = await exchange(product, head + wish + b"Sec-WebSocket-Version: 13\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert b"There are no WebSockets here." in answer


async def test_slow_chunked_and_truncated_bodies(
    product: Product, http: httpx.AsyncClient, unique: str
) -> None:
    body = b'{"name":"%s-raw"}' % unique.encode()
    whole = post(b"Content-Length: %d" % len(body))
    single = [chunk(body[at : at + 1]) for at in range(len(body))]

    slow = await exchange(product, whole[:20], whole[20:], body[:5], body[5:], pause=0.2)
    chunked = await exchange(product, post(CHUNKED), *single, chunk(b""))
    with pytest.raises(TimeoutError):
        await exchange(product, whole, body[:-1], patience=2)

    assert slow.startswith(b"HTTP/1.1 201 ")
    assert chunked.startswith(b"HTTP/1.1 201 ")
    search = {"filter": {"name": f"{unique}-raw"}}
    found = await http.post(f"{TASKS}/search", json=search)
    assert found.json()["page"]["totalItems"] == 2


async def test_two_hundred_clients_that_never_finish_hold_nobody_up(
    product: Product, http: httpx.AsyncClient, unique: str
) -> None:
    place = urlsplit(product.front)
    opened = [await asyncio.open_connection(place.hostname, place.port) for _ in range(200)]
    for _, writer in opened:
        writer.write(post(b"Content-Length: 100") + b'{"name":')

    await still_serves(http, unique)

    for _, writer in opened:
        writer.close()


@pytest.mark.parametrize(
    "content",
    [b"", b"garbage", b"--x--\r\n", b'--x\r\nContent-Disposition: form-data; name="resources"'],
    ids=["empty", "garbage", "no parts", "cut"],
)
async def test_deployments_that_hold_nothing_are_refused(
    http: httpx.AsyncClient, content: bytes
) -> None:
    kind = {"content-type": "multipart/form-data; boundary=x"}

    is_clear(await http.post("/v2/deployments", content=content, headers=kind))
