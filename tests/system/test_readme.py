"""What the README tells its readers to type does what it says, and what it draws is so."""

import asyncio
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from signoff_broker.engine.lifecycle import diagram
from tests.support.processes import environment
from tests.support.stack import Dev, home

TOP = Path(__file__).resolve().parents[2]
README = (TOP / "README.md").read_text()
PROMPT = "$ "
SKIP = "<!-- not run -->"
DONE = "that command is done"
IN_BACKGROUND = " & "
RUNS = "worker_started"
"""What a worker in the background says as soon as it polls: only then may a request count on it."""
ADDRESS = "BASE="
"""The tour names the default address; the test has another in the environment."""


@dataclass
class Typed:
    """A command of the tour and what must occur in its output."""

    command: str
    expected: list[str] = field(default_factory=list[str])


def tour() -> list[Typed]:
    """The commands of all blocks that are run, in order."""
    typed: list[Typed] = []
    for before, block in re.findall(r"([^\n]*)\n```console\n(.*?)\n```", README, re.DOTALL):
        if before == SKIP:
            continue
        for line in block.splitlines():
            if line.startswith(PROMPT):
                typed.append(Typed(line.removeprefix(PROMPT)))
            elif line.strip():
                typed[-1].expected.append(line.strip())
    return [each for each in typed if not each.command.startswith(ADDRESS)]


class Shell:
    """One bash session: types a line, gives what it printed until it is done."""

    def __init__(self, settings: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            ["bash"],
            cwd=TOP,
            env={**environment(), **settings},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def type(self, command: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\nprintf '\\n%s\\n' '{DONE}'\n")
        self._process.stdin.flush()
        printed = self._until(DONE)
        if IN_BACKGROUND in command and RUNS not in printed:
            printed += self._until(RUNS)
        return printed

    def _until(self, said: str) -> str:
        assert self._process.stdout is not None
        printed = ""
        for line in self._process.stdout:
            if said in line:
                return printed
            printed += line
        pytest.fail(f"bash ended before it said {said!r}\n{printed}")

    def end(self) -> None:
        """Close its input, as Ctrl-D does; what it left running in the background is ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.type("kill $(jobs -p) 2>/dev/null; wait")
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._process.stdout.close()


@pytest.fixture
def shell() -> Iterator[Shell]:
    """A session beside a product that has just been started."""
    with home("tour") as folder:
        dev = Dev(folder, {"SIGNOFF_REQUEST_TIMEOUT": "6"})
        asyncio.run(dev.start())
        session = Shell({"BASE": dev.url, "SIGNOFF_GATEWAY_URL": dev.url})
        try:
            yield session
        finally:
            session.end()
            asyncio.run(dev.process.stop())


@pytest.mark.system
@pytest.mark.timeout(600)
def test_the_tour_goes_as_the_readme_says(shell: Shell) -> None:
    commands = tour()
    assert len(commands) > 10, "the tour was not found"

    for typed in commands:
        printed = shell.type(typed.command)
        missing = [line for line in typed.expected if line not in printed]
        assert missing == [], f"$ {typed.command}\n{printed}"


def test_the_lifecycle_is_drawn_as_it_is() -> None:
    assert diagram().strip() in README


def section(title: str) -> str:
    """The first fenced block below a headline."""
    found = re.search(rf"^## {title}$.*?^```\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    assert found is not None, title
    return found[1]


def test_the_map_shows_what_is_there() -> None:
    above, gone = TOP, list[str]()
    for line in section("Map of the tree").splitlines():
        named = re.match(r"[\w/]+( · [\w/]+)*", line.strip())
        assert named is not None, line
        names = named[0].split(" · ")
        inside = above if line.startswith(" ") else TOP
        gone += [name for name in names if not (inside / name).exists()]
        if inside is TOP:
            above = TOP / names[0]

    assert gone == []


def test_the_map_names_every_level_of_the_tests() -> None:
    listed = re.search(r"^tests +by level: (.*)$", section("Map of the tree"), re.MULTILINE)
    assert listed is not None

    assert [each for each in listed[1].split() if not (TOP / "tests" / each).is_dir()] == []


def test_every_file_that_the_readme_names_is_there() -> None:
    named = re.findall(r"`((?:services|workers|schemas|tests|deploy)/[\w./-]+)`", README)

    assert [name for name in named if not (TOP / name).exists()] == []
