"""The `signoff` command as a user runs it, from start to end."""

import subprocess
import sys

from tests.support.processes import environment


def signoff(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run a command that ends by itself."""
    return _run("signoff", *arguments, **settings)


def local(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run `deploy/local` where it ends by itself."""
    return _run("signoff.local", *arguments)


def _run(module: str, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={**environment(), **settings},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
