"""Tokens that this installation issues: signed, for a time, and good at each of its gateways."""

import hmac
import secrets
from dataclasses import field
from typing import Final

import jwt

from signoff_process.clock import Clock
from signoff_schemas.frozen import frozen

ALGORITHM: Final = "HS256"
ISSUER: Final = "signoff"
SECRET_BYTES: Final = 32


class TokenExpired(Exception):
    """It was good once."""


class TokenInvalid(Exception):
    """It is none of ours."""


@frozen
class Claims:
    """What a token says; ``key`` is the access key that it was given for, of an application."""

    subject: str
    key: str
    expires_at: float
    """Epoch seconds."""


def new_secret() -> str:
    """A signing secret that nobody can guess."""
    return secrets.token_urlsafe(SECRET_BYTES)


@frozen
class Tokens:
    """Signs and reads tokens.

    Args:
        clock: The time.
        audience: Tokens of an open installation prove nothing, so they are signed apart.
        lifetime: Seconds that a token is good for, at most.
        secret: What all gateways sign with; empty: what the directory keeps for it.
    """

    clock: Clock
    audience: str
    lifetime: int
    secret: str = field(default="", repr=False)

    def sign(self, kept: str, subject: str, key: str, wanted_ms: int | None) -> str:
        """A token, for as long as it is wanted, within the lifetime; ``kept``: by the directory."""
        seconds = self.lifetime
        if wanted_ms is not None and 0 < wanted_ms < self.lifetime * 1000:
            seconds = max(1, wanted_ms // 1000)
        now = self.clock.now_ms() // 1000
        claims = {
            "iss": ISSUER,
            "aud": self.audience,
            "sub": subject,
            "key": key,
            "iat": now,
            "exp": now + seconds,
        }
        return jwt.encode(claims, self._signing_key(kept), algorithm=ALGORITHM)

    def read(self, kept: str, token: str) -> Claims:
        """What it says. Raises: TokenExpired, TokenInvalid."""
        if not (self.secret or kept):
            raise TokenInvalid
        try:
            found = jwt.decode(
                token,
                self._signing_key(kept),
                algorithms=[ALGORITHM],
                audience=self.audience,
                issuer=ISSUER,
                options={
                    "require": ["exp", "sub", "aud", "iss"],
                    # The clock is ours, which a test may move.
                    "verify_exp": False,
                    "verify_iat": False,
                },
            )
            claims = Claims(str(found["sub"]), str(found.get("key", "")), float(found["exp"]))
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise TokenInvalid from error
        if self.is_over(claims):
            raise TokenExpired
        return claims

    def is_over(self, claims: Claims) -> bool:
        """Whether its time is up."""
        return claims.expires_at * 1000 <= self.clock.now_ms()

    def _signing_key(self, kept: str) -> bytes:
        secret = self.secret or kept
        return hmac.digest(secret.encode(), self.audience.encode(), "sha256")
