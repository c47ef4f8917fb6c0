"""The first signal asks, the second insists, the third does not wait."""

import signal
import subprocess
import sys

import pytest

from signoff_process.clock import SystemClock

POLITE = """
async def main(stopping):
    print("ready", flush=True)
    await stopping.wait()
    print("stopped in order")
    return 7
"""
DEAF = """
async def main(stopping):
    print("ready", flush=True)
    await stopping.wait()
    print("asked", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        print("cancelled")
"""
STUBBORN = """
async def main(stopping):
    print("ready", flush=True)
    await stopping.wait()
    print("asked", flush=True)
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            print("no", flush=True)
"""


def run_and_signal(code: str, *signals: signal.Signals) -> tuple[int, str]:
    before = "import asyncio\nfrom signoff_process.lifecycle import run, tune_gc\n"
    before += "from signoff_process.logs import configure_logs\nconfigure_logs()\n"
    process = subprocess.Popen(
        [sys.executable, "-c", f"{before}{code}\ntune_gc()\nraise SystemExit(run(main))"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    said = ""
    *first, last = signals
    for which in first:
        process.send_signal(which)
        # Signals merge while they are pending, or change places: this one must have been taken.
        said += process.stdout.readline()
    process.send_signal(last)
    rest, _ = process.communicate(timeout=60)
    return process.returncode, said + rest


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks(which: signal.Signals) -> None:
    assert run_and_signal(POLITE, which) == (7, "stopped in order\n")


def test_the_second_signal_cancels() -> None:
    code, said = run_and_signal(DEAF, signal.SIGTERM, signal.SIGINT)

    assert (code, said) == (128 + signal.SIGINT, "asked\ncancelled\n")


def test_the_third_signal_ends_it_on_the_spot() -> None:
    code, said = run_and_signal(STUBBORN, signal.SIGINT, signal.SIGINT, signal.SIGTERM)

    assert (code, said) == (128 + signal.SIGTERM, "asked\nno\n")


def test_the_clock_counts_milliseconds_since_1970() -> None:
    clock = SystemClock()

    assert clock.now_ms() > 1_700_000_000_000
    assert clock.monotonic() <= clock.monotonic()
