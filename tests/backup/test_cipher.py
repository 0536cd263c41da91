"""An encrypted backup opens with its passphrase only, whole or not at all."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autocore.backup import cipher
from autocore.backup.cipher import CHUNK, HEAD_BYTES, TAG, Decrypting, Encrypting, check_passphrase, is_encrypted
from autocore.core.errors import InvalidData

WORDS = "correct horse battery"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cipher, "LOG2_N", 4)
    monkeypatch.setattr(cipher, "P", 1)


def sealed(content: bytes, passphrase: str = WORDS, piece: int = 50_000) -> bytes:
    out = io.BytesIO()
    stream = Encrypting(out, passphrase)
    for start in range(0, len(content), piece):
        stream.write(content[start : start + piece])
    stream.close()
    return out.getvalue()


def opened(content: bytes, passphrase: str = WORDS) -> bytes:
    return io.BufferedReader(Decrypting(io.BytesIO(content), passphrase), CHUNK).read()


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7])
def test_what_went_in_comes_out(size: int) -> None:
    content = bytes(n % 251 for n in range(size))
    assert opened(sealed(content)) == content


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 3 * CHUNK), st.integers(0, 1000))
def test_any_place_can_be_read(place: int, amount: int) -> None:
    content = bytes(n % 249 for n in range(2 * CHUNK + 100))
    stream = io.BufferedReader(Decrypting(io.BytesIO(sealed(content)), WORDS), CHUNK)
    stream.seek(place)
    assert stream.read(amount) == content[place : place + amount]


def test_a_wrong_passphrase_is_told_from_a_damaged_file() -> None:
    content = sealed(b"x" * 100)
    with pytest.raises(InvalidData, match="the passphrase is wrong") as wrong:
        opened(content, "another one entirely")
    assert wrong.value.field == "passphrase"
    with pytest.raises(InvalidData, match="damaged"):
        opened(content[:-1] + bytes([content[-1] ^ 1]))


@pytest.mark.parametrize(
    "harm",
    [
        lambda whole: whole[: HEAD_BYTES + CHUNK + TAG],
        lambda whole: whole[: HEAD_BYTES + 2 * (CHUNK + TAG)],
        lambda whole: whole[:-5],
        lambda whole: whole + b"more",
        lambda whole: whole[:HEAD_BYTES] + whole[HEAD_BYTES + CHUNK + TAG :],
        lambda whole: (
            whole[:HEAD_BYTES]
            + whole[HEAD_BYTES + CHUNK + TAG : HEAD_BYTES + 2 * (CHUNK + TAG)]
            + whole[HEAD_BYTES : HEAD_BYTES + CHUNK + TAG]
            + whole[HEAD_BYTES + 2 * (CHUNK + TAG) :]
        ),
        lambda whole: whole[: HEAD_BYTES + 9] + bytes([whole[HEAD_BYTES + 9] ^ 0x40]) + whole[HEAD_BYTES + 10 :],
        lambda whole: whole[:30],
        lambda whole: b"",
    ],
    ids=["last chunk gone", "the end gone", "cut", "longer", "first chunk gone", "two swapped", "a bit", "head cut", "empty"],
)
def test_no_change_goes_unseen(harm) -> None:
    whole = sealed(bytes(n % 251 for n in range(2 * CHUNK + 500)))
    with pytest.raises(InvalidData, match=r"damaged|wrong"):
        opened(harm(whole))


def test_a_head_that_asks_for_too_much_memory_is_refused() -> None:
    whole = bytearray(sealed(b"x"))
    whole[16] = 30  # scrypt with n = 2^30: a terabyte
    with pytest.raises(InvalidData, match="more than any backup needs"):
        opened(bytes(whole))


def test_the_same_content_never_looks_the_same() -> None:
    assert sealed(b"x" * 100) != sealed(b"x" * 100)


def test_a_short_passphrase_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="at least 10"):
        check_passphrase("short")
    assert check_passphrase(WORDS) == WORDS
    (tmp_path / "a").write_bytes(sealed(b""))
    (tmp_path / "b").write_bytes(b"PK")
    assert is_encrypted(tmp_path / "a")
    assert not is_encrypted(tmp_path / "b")
