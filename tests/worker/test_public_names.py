"""What users of the SDK import stays."""

import signoff_worker


def test_public_names_are_pinned() -> None:
    assert signoff_worker.__all__ == [
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
    assert all(hasattr(signoff_worker, name) for name in signoff_worker.__all__)
