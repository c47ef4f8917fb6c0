"""A data directory that one process has to itself."""

import fcntl
from pathlib import Path
from typing import IO


class DirectoryError(RuntimeError):
    """A directory cannot be used; the message names it and says why."""


def take(path: Path, mode: int = 0o777) -> IO[bytes]:
    """Make a directory if it is not there, and keep all others out until the result is closed.

    The end of this process closes it, however it ends; children do not inherit it.

    Raises: DirectoryError.
    """
    try:
        path.mkdir(mode=mode, parents=True, exist_ok=True)
        lock = (path / "lock").open("ab")
    except OSError as error:
        raise DirectoryError(f"{error.filename} cannot be used: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise DirectoryError(
            f"{path} is in use by another running Signoff: stop it or choose another"
        ) from error
    except OSError as error:
        lock.close()
        raise DirectoryError(f"{path} cannot be locked: {error.strerror}") from error
    return lock
