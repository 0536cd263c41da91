"""A file that only a passphrase opens: AES-256-GCM over chunks, so that it can be written and read piece by piece.

Every chunk is bound to the head of the file, to its number and to being the last one: none can be changed, moved, repeated or
cut off unseen. The key comes from the passphrase by scrypt; a word in the head tells a wrong passphrase from a damaged file.
"""

from __future__ import annotations

import hmac
import io
import os
import secrets
import struct
from pathlib import Path
from typing import BinaryIO

from autocore.core.errors import InvalidData

MAGIC = b"AUTOCORE-BACKUP\x01"
CHUNK = 65_536
SALT = 16
PREFIX = 7
TAG = 16
LOG2_N, R, P = 15, 8, 3  # 32 MiB and a third of a second; OWASP's equal of n=2^17, p=1, which a small Pi has no memory for
MOST_LOG2_N, MOST_R, MOST_P = 17, 8, 4  # a foreign file must not eat the memory of the machine
SHORTEST_PASSPHRASE = 10  # as for passwords (security.md 2)
_HEAD = struct.Struct(f">16sBBBI{SALT}s{PREFIX}s")
HEAD_BYTES = _HEAD.size + TAG


def is_encrypted(file: Path) -> bool:
    """Say whether a file begins like an encrypted backup."""
    with file.open("rb") as source:
        return source.read(len(MAGIC)) == MAGIC


def check_passphrase(passphrase: str) -> str:
    """Give a passphrase that is long enough.

    Raises:
        InvalidData: it is shorter than 10 characters.
    """
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise InvalidData(f"a passphrase has at least {SHORTEST_PASSPHRASE} characters; four words are good", field="passphrase")
    return passphrase


def check_head(file: Path) -> None:
    """Look at what can be looked at without the passphrase: the head of an encrypted file, and that something follows it.

    Raises:
        InvalidData: the file is damaged.
    """
    with file.open("rb") as source:
        _look_at_head(source)


def _look_at_head(source: BinaryIO) -> tuple[bytes, bytes, int, int]:
    """Give the head, the word behind it, the bytes of a chunk, and those of all chunks."""
    size = source.seek(0, os.SEEK_END)
    source.seek(0)
    start = source.read(HEAD_BYTES)
    if len(start) < HEAD_BYTES or not start.startswith(MAGIC):
        raise InvalidData("the backup is damaged: its head is not whole")
    head, word = start[: _HEAD.size], start[_HEAD.size :]
    _, log2_n, r, p, chunk, _, _ = _HEAD.unpack(head)
    is_sane = 1 <= log2_n <= MOST_LOG2_N and 1 <= r <= MOST_R and 1 <= p <= MOST_P and 1 <= chunk <= 1 << 20
    if not is_sane:
        raise InvalidData("the backup is damaged: its head asks for more than any backup needs")
    body = size - HEAD_BYTES
    if body % (chunk + TAG) in range(1, TAG) or body < TAG:
        raise InvalidData("the backup is damaged: a part of it was changed or cut off")
    return head, word, chunk, body


class Encrypting(io.RawIOBase):
    """A stream into `target` that encrypts; close it for the last chunk. It cannot be sought."""

    def __init__(self, target: BinaryIO, passphrase: str) -> None:
        super().__init__()
        head = _HEAD.pack(MAGIC, LOG2_N, R, P, CHUNK, secrets.token_bytes(SALT), secrets.token_bytes(PREFIX))
        self._key, word = _keys(passphrase, head)
        self._head = head
        self._target = target
        self._waiting = bytearray()
        self._number = 0
        self._is_given_up = False
        target.write(head + word)

    def writable(self) -> bool:
        """Say yes."""
        return True

    def write(self, data: object) -> int:
        """Take bytes; whole chunks go out at once."""
        piece = memoryview(data)  # type: ignore[arg-type]  # bytes or a buffer
        self._waiting += piece
        while len(self._waiting) > CHUNK:  # a full one may be the last, so it waits
            self._put(bytes(self._waiting[:CHUNK]), is_last=False)
            del self._waiting[:CHUNK]
        return piece.nbytes

    def give_up(self) -> None:
        """Write nothing more: the target is to be thrown away."""
        self._is_given_up = True
        self.close()

    def close(self) -> None:
        """Write the last chunk; the target stays open."""
        if not self.closed and not self._is_given_up:
            self._put(bytes(self._waiting), is_last=True)
            self._waiting.clear()
        super().close()

    def _put(self, chunk: bytes, *, is_last: bool) -> None:
        nonce = _nonce(self._head, self._number, is_last=is_last)
        self._target.write(_cipher(self._key).encrypt(nonce, chunk, self._head))
        self._number += 1


class Decrypting(io.RawIOBase):
    """A stream out of an encrypted file; it can be sought, and holds one chunk at a time.

    Raises:
        InvalidData: the passphrase is wrong, or the file is damaged; also while it is read.
    """

    def __init__(self, source: BinaryIO, passphrase: str) -> None:
        super().__init__()
        self._source = source
        self._head, word, self._chunk, body = _look_at_head(source)
        self._key, wanted = _keys(passphrase, self._head)
        if not hmac.compare_digest(word, wanted):
            raise InvalidData("the passphrase is wrong; use the one that the backup was made with", field="passphrase")
        self._chunks = max(1, -(-body // (self._chunk + TAG)))
        self._size = body - self._chunks * TAG
        self._at = 0
        self._held = -1
        self._open = b""
        self._read_chunk(self._chunks - 1)  # what was cut off shows at once

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def tell(self) -> int:
        """Give the place in the open text."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place in the open text."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError("a place before the beginning")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: object) -> int:
        """Read into a buffer, at most to the end of a chunk."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]  # a writable buffer
        if self._at >= self._size:
            return 0
        number, offset = divmod(self._at, self._chunk)
        self._read_chunk(number)
        piece = self._open[offset : offset + len(view)]
        view[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def _read_chunk(self, number: int) -> None:
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415  # only who has an encrypted backup loads it

        if number == self._held:
            return
        self._source.seek(HEAD_BYTES + number * (self._chunk + TAG))
        sealed = self._source.read(self._chunk + TAG)
        nonce = _nonce(self._head, number, is_last=number == self._chunks - 1)
        try:
            self._open = _cipher(self._key).decrypt(nonce, sealed, self._head)
        except (InvalidTag, ValueError) as error:
            raise InvalidData("the backup is damaged: a part of it was changed or cut off") from error
        self._held = number


def _keys(passphrase: str, head: bytes) -> tuple[bytes, bytes]:
    """Give the key of the chunks, and the word that stands behind the head."""
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt  # noqa: PLC0415  # only who encrypts loads it

    _, log2_n, r, p, _, salt, _ = _HEAD.unpack(head)
    both = Scrypt(salt=salt, length=64, n=1 << log2_n, r=r, p=p).derive(passphrase.encode())
    return both[:32], hmac.digest(both[32:], head, "sha256")[:TAG]


def _cipher(key: bytes):  # type: ignore[no-untyped-def]  # noqa: ANN202  # its type would load the library
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  # only who encrypts loads it

    return AESGCM(key)


def _nonce(head: bytes, number: int, *, is_last: bool) -> bytes:
    prefix: bytes = _HEAD.unpack(head)[6]
    return prefix + number.to_bytes(4, "big") + bytes([is_last])
