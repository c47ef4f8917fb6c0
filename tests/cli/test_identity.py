"""Who may call, as the settings say it: what is refused at the start, and how to hash."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from signoff_gateway.identity.directory import Credential, Directory
from signoff_gateway.identity.entries import read_entries
from signoff_gateway.identity.passwords import Passwords
from tests.cli.commands import signoff
from tests.support.processes import environment

STACK = {"SIGNOFF_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "SIGNOFF_KAFKA": "x:1"}
PASSWORD = "not to be told"


def refused(*, command: str = "gateway", **settings: str) -> str:
    done = signoff(command, SIGNOFF_PORT="0", **STACK, **settings)
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert "cannot_run" in said
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize("command", ["gateway", "dev"])
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org"])
def test_an_open_gateway_listens_on_this_machine_only(host: str, command: str) -> None:
    said = refused(command=command, SIGNOFF_HOST=host)

    assert f"SIGNOFF_AUTHENTICATION=open on SIGNOFF_HOST={host}" in said
    assert "SIGNOFF_ALLOW_OPEN=true" in said


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({}, "SIGNOFF_IDENTITY_FILE"),
        ({"SIGNOFF_IDENTITY_FILE": "/nowhere.json"}, "/nowhere.json: No such file"),
        ({"SIGNOFF_OIDC_ISSUER": "https://id.example.org"}, "SIGNOFF_OIDC_AUDIENCE is needed"),
    ],
)
def test_what_nobody_could_log_in_by_is_refused(settings: dict[str, str], named: str) -> None:
    assert named in refused(SIGNOFF_AUTHENTICATION="required", **settings)


def test_a_provider_that_nobody_is_asked_for_is_refused() -> None:
    said = refused(SIGNOFF_OIDC_ISSUER="https://id.example.org", SIGNOFF_OIDC_AUDIENCE="us")

    assert "SIGNOFF_OIDC_ISSUER does nothing" in said


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("{", "this is no valid .json file"),
        (json.dumps({"users": [{"id": "a", "password_hash": PASSWORD}]}), "no argon2 hash"),
        (json.dumps({"users": [{"id": "a", "password": PASSWORD}]}), "users.0.password"),
        (json.dumps({"users": [{"id": "a"}, {"id": "a"}]}), "the user 'a' is there twice"),
        (json.dumps({"users": [{"id": "app:ui"}]}), "the user 'app:ui' needs another id"),
        (json.dumps({"roles": [{"id": "Admin"}]}), "the role 'Admin' needs another id"),
        (json.dumps({"groups": [{"id": "g", "roles": ["USR"]}]}), "'g' has the unknown role 'USR'"),
    ],
)
def test_a_wrong_file_is_refused_without_a_word_of_its_secrets(
    tmp_path: Path, content: str, named: str
) -> None:
    path = tmp_path / "identity.json"
    path.write_text(content)

    said = refused(SIGNOFF_AUTHENTICATION="required", SIGNOFF_IDENTITY_FILE=str(path))

    assert named in said
    assert PASSWORD not in said


def test_a_short_token_secret_is_refused() -> None:
    done = signoff("gateway", SIGNOFF_TOKEN_SECRET="too short")

    assert done.returncode == 2
    assert "SIGNOFF_TOKEN_SECRET" in done.stderr
    assert "too short" not in done.stderr


async def test_a_hash_is_one_of_what_was_piped_in() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "signoff", "hash"],
        env=environment(),
        input=f"{PASSWORD}\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    passwords = Passwords()

    made = done.stdout.strip()

    assert made.startswith("$argon2id$")
    assert await passwords.verify(Credential("jane", made), PASSWORD)
    assert not await passwords.verify(Credential("jane", made), "another")
    passwords.close()


async def test_the_example_of_a_file_can_be_used(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "deploy" / "README.md").read_text()
    _, example = text.split("```toml\n", 1)
    path = tmp_path / "identity.toml"
    made = await Passwords().hashed(PASSWORD)
    path.write_text(example.split("```")[0].replace("$argon2id$…", made))

    directory = Directory(read_entries(path))

    ann = directory.principal("ann")
    assert ann is not None
    assert ann.is_granted("PROCESS_DEFINITION", "order", "UPDATE_USER_TASK")
    assert ann.is_granted("PROCESS_DEFINITION", "expense", "CREATE_PROCESS_INSTANCE")
    assert not ann.is_granted("PROCESS_DEFINITION", "order", "COMPLETE_USER_TASK")
    assert directory.credential("billing-1") is not None
