"""The `signoff` command as a user runs it, from start to end."""

import subprocess
import sys

from tests.support.processes import environment


def signoff(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run a command that ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "signoff", *arguments],
        env={**environment(), **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
