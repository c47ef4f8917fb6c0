"""Every command explains itself, and refuses what it does not understand by name."""

import re

import pytest

from signoff.settings import Settings, read_settings
from tests.cli.commands import signoff

WITHOUT_SETTINGS = ("hash",)
COMMANDS = re.findall(r"^    (\w+)  ", signoff("--help").stdout, re.MULTILINE)


def test_the_help_names_the_commands_and_where_to_start() -> None:
    assert {"dev", "gateway", "broker", "worker", "migrate", "check"} <= set(COMMANDS)
    assert "Start here: signoff dev" in signoff("--help").stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_has_an_example_and_its_settings(command: str) -> None:
    done = signoff(command, "--help")

    example = re.search(r"example:\n  (.*)\n", done.stdout)
    assert done.returncode == 0
    assert example is not None
    assert f"signoff {command}" in example[1]
    named = set(re.findall(r"^  SIGNOFF_([A-Z_]+)", done.stdout, re.MULTILINE))
    assert named or command in WITHOUT_SETTINGS
    assert {name.lower() for name in named} <= set(Settings.model_fields)


def test_every_setting_is_in_the_help_of_a_command() -> None:
    texts = "".join(signoff(command, "--help").stdout for command in COMMANDS)

    missing = [name for name in Settings.model_fields if f"SIGNOFF_{name.upper()}" not in texts]

    assert missing == []


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("dev", "--nonsense"), ("worker",)])
def test_wrong_arguments_are_refused_with_the_usage(arguments: tuple[str, ...]) -> None:
    done = signoff(*arguments)

    assert done.returncode == 2
    assert "usage: signoff" in done.stderr


@pytest.mark.parametrize("command", ["dev", "gateway", "broker", "migrate", "check"])
def test_a_setting_that_does_not_exist_is_refused_by_name(command: str) -> None:
    done = signoff(command, SIGNOFF_PROT="9090", SIGNOFF_HSOT="x")

    assert done.returncode == 2
    assert "SIGNOFF_PROT is no setting of Signoff" in done.stderr
    assert "SIGNOFF_HSOT is no setting of Signoff" in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SIGNOFF_PORT", "http"),
        ("SIGNOFF_PORT", "70000"),
        ("SIGNOFF_REQUEST_TIMEOUT", "0"),
        ("SIGNOFF_PARTITIONS", "0"),
        ("SIGNOFF_RETENTION_DAYS", "inf"),
        ("SIGNOFF_GATEWAY_URL", "gateway:8080"),
        ("SIGNOFF_GATEWAY_URL", "http://gateway:99999"),
        ("SIGNOFF_LOG_LEVEL", "loud"),
        ("SIGNOFF_GLOBAL_LISTENERS", "not json"),
        ("SIGNOFF_GLOBAL_LISTENERS", '{"id": "no list"}'),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_setting(name: str, value: str) -> None:
    done = signoff("check", **{name: value})

    assert done.returncode == 2
    assert name in done.stderr
    assert "Traceback" not in done.stderr


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    otherwise = read_settings()
    for name in ("DATA", "PORT", "IDENTITY_FILE", "POSTGRES_BIN", "DATABASE_URL"):
        monkeypatch.setenv(f"SIGNOFF_{name}", "")

    assert read_settings() == otherwise


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("nothing", "is not MODULE:LISTENERS"),
        ("nothing:listeners", "there is no module 'nothing'"),
        ("json:loads", "is no Listeners object"),
        ("signoff.demo:nothing", "is no Listeners object"),
    ],
)
def test_a_worker_says_which_listeners_it_does_not_find(where: str, said: str) -> None:
    done = signoff("worker", where)

    assert done.returncode == 1
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
