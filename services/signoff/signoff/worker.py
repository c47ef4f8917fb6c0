"""`signoff worker MODULE:LISTENERS`: the SDK's worker as a process."""

import asyncio
import importlib
import os
import re
import sys

import structlog

from signoff.settings import Settings
from signoff_process.lifecycle import run
from signoff_worker import HttpTransport, Listeners, Worker


class NoListeners(ValueError):
    """The argument names no `Listeners` object; the message says how it should."""


def run_worker(settings: Settings, where: str) -> int:
    """Run the listeners until a signal; 1 if there are none."""
    log = structlog.get_logger()
    try:
        listeners = find_listeners(where)
    except NoListeners as error:
        log.error("no_listeners", reason=str(error))  # noqa: TRY400 - the message says it all
        return 1

    async def work(stopping: asyncio.Event) -> int:
        worker = Worker(
            HttpTransport(settings.gateway_url),
            [listeners],
            concurrency_max=settings.worker_concurrency,
        )
        log.info("worker_started", gateway=_without_login(settings.gateway_url), listeners=where)
        await worker.run(stopping)
        log.info("worker_stopped")
        return 0

    return run(work)


def find_listeners(where: str) -> Listeners:
    """The `Listeners` object that `MODULE:NAME` names; modules of the working directory count.

    Raises: NoListeners.
    """
    module_name, separator, name = where.partition(":")
    if not separator:
        raise NoListeners(f"'{where}' is not MODULE:LISTENERS, such as checks:listeners")
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - what `python -m` does
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise NoListeners(f"there is no module '{module_name}': {error}") from error
    found = getattr(module, name, None)
    if not isinstance(found, Listeners):
        raise NoListeners(f"'{name}' in '{module_name}' is no Listeners object")
    return found


def _without_login(url: str) -> str:
    """An address that may stand in a log."""
    return re.sub("//.*@", "//", url)
