"""The repository's own lint: what ruff cannot say about sizes, places and words."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[1]
TOP_LEVEL = {"pyproject.toml", "README.md", "services", "workers", "schemas", "tests", "deploy"}

MODULE_LINES_MAX = 400
TEST_MODULE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70

# Who may ask a clock, roll dice or sleep; everyone else is given the time and the ids.
IMPURE_CALLS = re.compile(
    r"^(datetime\.(datetime\.)?(now|utcnow|today)|date\.today|time\.(time|time_ns|sleep)"
    r"|(asyncio|anyio)\.sleep|uuid\.uuid[14]|uuid_utils\.uuid[1467]|random\.\w+|secrets\.\w+)$"
)
IMPURE_ALLOWED = {
    "services/broker/signoff_broker/runtime/partition.py": "moves cursors beside the loop",
    "services/broker/signoff_broker/runtime/relay.py": "waits before it tries again",
    "services/gateway/signoff_gateway/breaker.py": "looks at the database again and again",
    "services/gateway/signoff_gateway/dialects/orkes/applications.py": "makes a key's secret",
    "services/gateway/signoff_gateway/identity/authenticator.py": "makes a key of its cache",
    "services/gateway/signoff_gateway/identity/passwords.py": "makes salts",
    "services/gateway/signoff_gateway/identity/tokens.py": "makes the secret of signatures",
    "services/gateway/signoff_gateway/subscriptions.py": "beats as a subscriber",
    "services/process/signoff_process/clock.py": "the clock itself",
    "services/process/signoff_process/kafka_server.py": "waits for Java; makes a cluster id",
    "services/process/signoff_process/postgres_server.py": "waits for a server; makes a password",
    "workers/signoff_worker/worker.py": "waits before it tries again",
}
# A sleep is how time passes at the edges that load, drive and wait for others.
IMPURE_FOLDERS = (
    "services/load/",
    "services/process/signoff_process/log/",
    "services/signoff/",
    "workers/samples/",
)

SQL = re.compile(
    r"^\s*(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM|WITH\s+\w+\s+AS\s*\("
    r"|(CREATE|ALTER|DROP)\s+(TABLE|INDEX|VIEW|DATABASE|TYPE)|(LISTEN|NOTIFY)\s+\w+\s*;?$)",
    re.IGNORECASE | re.DOTALL,
)
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")


@cache
def modules() -> tuple[Path, ...]:
    """Every Python file that is or will be in git."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=TOP,
        capture_output=True,
        check=True,
        text=True,
    ).stdout.split()
    return tuple(TOP / name for name in sorted(set(listed)) if (TOP / name).exists())


def name_of(module: Path) -> str:
    return module.relative_to(TOP).as_posix()


def is_test(module: Path) -> bool:
    return name_of(module).startswith("tests/")


@cache
def tree_of(module: Path) -> ast.Module:
    return ast.parse(module.read_text(), filename=name_of(module))


def nodes_of(module: Path) -> Iterator[ast.AST]:
    return ast.walk(tree_of(module))


def refuse(findings: list[str]) -> None:
    if findings:
        pytest.fail("\n" + "\n".join(findings), pytrace=False)


def test_the_top_level_holds_exactly_what_was_agreed() -> None:
    present = {path.name for path in TOP.iterdir() if not path.name.startswith(".")}

    assert present == TOP_LEVEL


def test_modules_stay_short() -> None:
    refuse(
        [
            f"{name_of(module)}: {lines} lines, at most {cap}"
            for module in modules()
            if (lines := module.read_text().count("\n"))
            > (cap := TEST_MODULE_LINES_MAX if is_test(module) else MODULE_LINES_MAX)
        ]
    )


def test_functions_stay_short() -> None:
    refuse(
        [
            f"{name_of(module)}:{node.lineno}: {node.name} has {lines} lines"
            for module in modules()
            for node in nodes_of(module)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and (lines := length_of(node)) > FUNCTION_LINES_MAX
        ]
    )


def length_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines without the docstring."""
    assert function.end_lineno is not None
    whole = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function) is None:
        return whole
    first = function.body[0]
    assert first.end_lineno is not None
    return whole - (first.end_lineno - first.lineno + 1)


def test_every_module_begins_with_a_sentence() -> None:
    refuse(
        [
            f"{name_of(module)}: no docstring that begins with a sentence"
            for module in modules()
            if not re.match(r"\S[^\n]*[.:?]$", first_line(module), re.MULTILINE)
        ]
    )


def first_line(module: Path) -> str:
    return (ast.get_docstring(tree_of(module)) or "").partition("\n\n")[0].replace("\n", " ")


def test_sql_lives_in_sql_files() -> None:
    refuse(
        [
            f"{name_of(module)}:{node.lineno}: SQL in Python: {node.value.strip()[:40]!r}"
            for module in modules()
            if not is_test(module)
            for node in nodes_of(module)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and SQL.match(node.value)
            and node not in docstrings_of(module)
        ]
    )


@cache
def docstrings_of(module: Path) -> frozenset[ast.expr]:
    """Strings that stand alone: prose may begin with any verb."""
    return frozenset(node.value for node in nodes_of(module) if isinstance(node, ast.Expr))


def test_clock_ids_and_sleep_come_through_ports() -> None:
    refuse(
        [
            f"{name_of(module)}:{node.lineno}: {ast.unparse(node.func)} outside the allowed modules"
            for module in modules()
            if not is_test(module)
            and name_of(module) not in IMPURE_ALLOWED
            and not name_of(module).startswith(IMPURE_FOLDERS)
            for node in nodes_of(module)
            if isinstance(node, ast.Call)
            and IMPURE_CALLS.match(ast.unparse(node.func))
            and not ast.unparse(node).endswith(".sleep(0)")  # only lets others run
        ]
    )


def test_the_allow_list_names_only_what_is_there() -> None:
    assert [name for name in IMPURE_ALLOWED if not (TOP / name).exists()] == []


def test_nothing_is_left_for_later() -> None:
    refuse(
        [
            f"{name_of(module)}:{number}: {line.strip()}"
            for module in modules()
            for number, line in enumerate(module.read_text().splitlines(), start=1)
            if UNFINISHED.search(line)
        ]
    )


def test_settings_are_built_in_one_place() -> None:
    """Settings enter at the top and travel down as values."""
    allowed = ("services/signoff/", "tests/")
    refuse(
        [
            f"{name_of(module)}:{node.lineno}: {ast.unparse(node)} outside services/signoff"
            for module in modules()
            if not name_of(module).startswith(allowed)
            for node in nodes_of(module)
            if isinstance(node, ast.Call)
            and re.fullmatch(r"(\w+\.)*\w*Settings", ast.unparse(node.func))
            and not node.args
            and not node.keywords
        ]
    )


def test_scripts_are_executable() -> None:
    scripts = [TOP / ".ci/run", *(path for path in (TOP / "deploy").iterdir() if path.is_file())]
    refuse(
        [
            f"{name_of(path)}: begins with #! but is not executable"
            for path in scripts
            if path.read_bytes().startswith(b"#!") and not path.stat().st_mode & 0o100
        ]
    )
