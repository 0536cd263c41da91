"""Session tokens (JWT) and API tokens (random). It knows no user and no database."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jwt

from autocore.core.disk import write_file
from autocore.core.errors import NotAuthenticated

ALGORITHM = "HS256"
ISSUER = "autocore"
KEY_BYTES = 32  # RFC 7518, 3.2
SetAside = Callable[[Path, str], object]  # keeps a file that is none beside its place; the text says what that means
API_PREFIX = "ac_"  # tells the two kinds apart, and lets people's scanners find a leaked one


@dataclass(frozen=True, slots=True)
class SessionClaims:
    """What a session token says."""

    session: str
    user: str


def signing_key(configured: str | None, folder: Path, set_aside: SetAside) -> bytes:
    """Give the key of the session tokens: the configured one, else the one in the data folder, made once, for its owner only.

    One that is too short to be a key is set aside, and another one made: then everybody has to log in again.
    """
    if configured is not None:
        return configured.encode()
    file = folder / "session.key"
    if file.exists():
        key = file.read_bytes()
        if len(key) >= KEY_BYTES and b"\0" not in key:
            return key
        set_aside(file, "everybody has to log in again")
    key = secrets.token_hex(KEY_BYTES).encode()
    write_file(file, key)
    return key


def sign(key: bytes, claims: SessionClaims) -> str:
    """Give the token of a session. It holds no expiry: the session's row does, on a clock that cannot be set back."""
    body = {"jti": claims.session, "sub": claims.user, "iss": ISSUER, "aud": ISSUER}
    return jwt.encode(body, key, algorithm=ALGORITHM)


def read(key: bytes, token: str) -> SessionClaims:
    """Give what a session token says.

    Raises:
        NotAuthenticated: it was not made with this key, or is no token.
    """
    try:
        body = jwt.decode(
            token, key, algorithms=[ALGORITHM], audience=ISSUER, issuer=ISSUER, options={"require": ["jti", "sub", "iss", "aud"]}
        )
    except jwt.InvalidTokenError as error:
        raise NotAuthenticated("this is no session of this gateway; log in again") from error
    return SessionClaims(str(body["jti"]), str(body["sub"]))


def new_api_token() -> tuple[str, str]:
    """Give a random API token and the digest that is kept of it."""
    token = API_PREFIX + secrets.token_urlsafe(32)
    return token, digest(token)


def digest(token: str) -> str:
    """Give what is kept of an API token: it is random, so a fast hash protects it."""
    return hashlib.sha256(token.encode()).hexdigest()
