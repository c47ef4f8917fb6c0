"""Passwords and keys: hashed with argon2id, checked beside the loop, each one only once."""

import asyncio
import hmac
import secrets
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from signoff_gateway.identity.directory import Credential

WORKERS: Final = 2
"""Checks at a time: each takes a core and 64 MiB for some tens of milliseconds."""
KNOWN_MAX: Final = 10_000
SECRET_MAX: Final = 1024
"""Characters of a secret that is looked at at all."""

_HASHER: Final = PasswordHasher()


def hash_secret(secret: str) -> str:
    """The argon2id hash of a password or key; takes tens of milliseconds."""
    return _HASHER.hash(secret)


class Passwords:
    """Says whether a secret is the right one.

    What was right once is remembered under a keyed digest, which tells nothing of the secret, so
    that callers who send it with each request cost next to nothing. A changed hash ends that.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, None] = OrderedDict()
        self._checking: dict[bytes, asyncio.Future[bool]] = {}
        self._threads = ThreadPoolExecutor(WORKERS, thread_name_prefix="passwords")
        self._nobody = ""

    def is_known(self, credential: Credential, secret: str) -> bool:
        """Whether this very pair was right before."""
        return self._digest(credential.secret_hash, secret) in self._known

    def is_checking(self, credential: Credential, secret: str) -> bool:
        """Whether this very pair is being checked: ``verify`` joins that."""
        return self._digest(credential.secret_hash, secret) in self._checking

    async def verify(self, credential: Credential | None, secret: str) -> bool:
        """Whether the secret is right; for nobody it takes as long to say no."""
        if len(secret) > SECRET_MAX:
            return False
        if credential is None:
            await self._in_thread(_matches, await self._nobodys_hash(), secret)
            return False
        digest = self._digest(credential.secret_hash, secret)
        if digest in self._known:
            return True
        checking = self._checking.get(digest)
        if checking is None:
            checking = asyncio.ensure_future(
                self._in_thread(_matches, credential.secret_hash, secret)
            )
            self._checking[digest] = checking
            checking.add_done_callback(lambda _: self._checking.pop(digest))
        is_right = await asyncio.shield(checking)
        if is_right:
            self._remember(digest)
        return is_right

    async def hashed(self, secret: str) -> str:
        """The hash of a new secret."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, hash_secret, secret)

    def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _digest(self, secret_hash: str, secret: str) -> bytes:
        return hmac.digest(self._key, f"{secret_hash}\0{secret}".encode(), "sha256")

    def _remember(self, digest: bytes) -> None:
        self._known[digest] = None
        if len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)

    async def _nobodys_hash(self) -> str:
        if not self._nobody:
            self._nobody = await self.hashed(secrets.token_hex())
        return self._nobody

    async def _in_thread(self, *call: object) -> bool:
        return await asyncio.get_running_loop().run_in_executor(self._threads, *call)  # type: ignore[arg-type]


def _matches(secret_hash: str, secret: str) -> bool:
    try:
        return _HASHER.verify(secret_hash, secret)
    except (Argon2Error, InvalidHashError):
        return False
