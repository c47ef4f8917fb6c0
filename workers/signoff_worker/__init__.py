"""Write listener workers for Signoff: functions that check, correct or refuse changes to tasks.

Delivery is at least once: a handler may run twice for one job, after a crash or a timeout. Use
`job.key` to tell a repetition from a new job.
"""

from signoff_worker.errors import Fail, Retry
from signoff_worker.http import HttpTransport
from signoff_worker.job import (
    Completion,
    Correction,
    Denial,
    ListenerJob,
    Outcome,
    complete,
    correct,
    deny,
)
from signoff_worker.listeners import Listeners
from signoff_worker.retry import RetryPolicy
from signoff_worker.testing import JobEnvironment
from signoff_worker.transport import Activation, Failure, Transport
from signoff_worker.worker import Worker

__all__ = [
    "Activation",
    "Completion",
    "Correction",
    "Denial",
    "Fail",
    "Failure",
    "HttpTransport",
    "JobEnvironment",
    "ListenerJob",
    "Listeners",
    "Outcome",
    "Retry",
    "RetryPolicy",
    "Transport",
    "Worker",
    "complete",
    "correct",
    "deny",
]
