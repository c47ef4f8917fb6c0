"""Without a backend a test is skipped at home, and fails in CI, where nothing may be missing."""

import asyncio
from typing import Any

import pytest

from signoff_process.kafka_server import KafkaServer, KafkaServerError
from signoff_process.postgres_server import PostgresServer, PostgresServerError
from tests.support import backends

SKIPPED: Any = pytest.skip.Exception
FAILED: Any = pytest.fail.Exception


@pytest.fixture(params=["postgres", "kafka"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A backend on a machine where no server can be had."""

    async def cannot(_: object) -> None:
        await asyncio.sleep(0)
        raise (
            PostgresServerError("no binaries")
            if request.param == "postgres"
            else (KafkaServerError("no binaries"))
        )

    monkeypatch.delenv(backends.DATABASE_URL, raising=False)
    monkeypatch.delenv(backends.KAFKA, raising=False)
    monkeypatch.setattr(backends, "docker_answers", lambda: False)
    monkeypatch.setattr(PostgresServer, "start", cannot)
    monkeypatch.setattr(KafkaServer, "start", cannot)
    return getattr(backends, f"{request.param}_backend")


@pytest.mark.parametrize(("ci", "outcome"), [("true", FAILED), ("", SKIPPED), (None, SKIPPED)])
def test_a_missing_backend_fails_in_ci_and_is_skipped_elsewhere(
    backend: Any, monkeypatch: pytest.MonkeyPatch, ci: str | None, outcome: Any
) -> None:
    monkeypatch.delenv("CI", raising=False)
    if ci is not None:
        monkeypatch.setenv("CI", ci)

    with pytest.raises(outcome, match="no binaries"), backend():
        pass
