"""Passwords: what is accepted, and how it is kept. Hashing takes about 40 ms of a core: call it in a thread."""

from __future__ import annotations

import ctypes
from importlib.resources import files

from passlib.context import CryptContext

from autocore.core.errors import InvalidData

LEAST_KINDS = 3  # `aaaaaaaaaa` and `1212121212` are long and tried at once
LEAST_CHARS = 10  # security.md 2
MOST_CHARS = 256  # a longer one only makes the hash work

# OWASP's smallest recommended argon2id setting; 19 MiB is what a Pi Zero can spare.
_context = CryptContext(
    schemes=["argon2"], argon2__type="ID", argon2__memory_cost=19_456, argon2__time_cost=2, argon2__parallelism=1
)

_M_MMAP_THRESHOLD = -3  # mallopt(3)
_LARGEST_KEPT_BYTES = 1_048_576
# Measured: glibc keeps the 19 MiB of the first hash for ever, unless large blocks always go back to the system.
if hasattr(ctypes.CDLL(None), "mallopt"):
    ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT_BYTES)

# Of the lists of most used passwords, those that are long enough to be tried here.
_COMMON = frozenset(files(__package__).joinpath("common_passwords.txt").read_text(encoding="utf-8").split())


def check_password(password: str, username: str = "") -> None:
    """Refuse a password that is too short, common, made of one character, or the user's own name.

    Raises:
        InvalidData: with what to do instead.
    """
    if len(password) < LEAST_CHARS:
        raise InvalidData(f"use at least {LEAST_CHARS} characters; three random words are easy to remember", field="password")
    if len(password) > MOST_CHARS:
        raise InvalidData(f"use at most {MOST_CHARS} characters", field="password")
    folded = password.lower()
    if folded in _COMMON or len(set(folded)) < LEAST_KINDS or (username and folded.strip("0123456789!.@#") == username.lower()):
        raise InvalidData("this password is one of the first that anybody tries; choose another", field="password")


def hash_password(password: str) -> str:
    """Give what is kept of a password."""
    hashed: str = _context.hash(password)
    return hashed


def is_password(password: str, hashed: str | None) -> bool:
    """Say whether `password` is the one that `hashed` was made from; without a hash it takes as long and says no."""
    if hashed is None:
        _context.dummy_verify()
        return False
    return len(password) <= MOST_CHARS and bool(_context.verify(password, hashed))
