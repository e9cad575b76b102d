"""Passwords: hashed, compared, and remembered for a minute."""

import time

import pytest

from currant.access.passwords import Passwords, hash_password
from currant.errors import Invalid


@pytest.mark.parametrize("password", ["", "short", "1234567", "x" * 201])
def test_a_password_has_8_to_200_characters(password: str) -> None:
    with pytest.raises(Invalid) as refused:
        hash_password(password)
    assert refused.value.field == "password"


def test_the_hash_is_argon2id_at_the_chosen_cost() -> None:
    assert hash_password("a good password").startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert hash_password("a good password") != hash_password("a good password")


async def test_only_the_password_itself_matches() -> None:
    passwords = Passwords()
    stored = hash_password("a good password")
    for _ in range(2):
        assert await passwords.match(stored, "a good password")
        assert not await passwords.match(stored, "a good passwor")
        assert not await passwords.match(stored, "")
        assert not await passwords.match(stored, "\udce9")
        assert not await passwords.match(None, "a good password")
        assert not await passwords.match("not a hash", "a good password")


async def test_a_verified_password_is_remembered_for_a_minute(monkeypatch) -> None:
    passwords = Passwords()
    stored = hash_password("a good password")
    asked = []
    verify = passwords._verify  # noqa: SLF001

    def watched(hashed: str, password: str) -> bool:
        asked.append(password)
        return verify(hashed, password)

    monkeypatch.setattr(passwords, "_verify", watched)
    for _ in range(3):
        assert await passwords.match(stored, "a good password")
    assert len(asked) == 1
    later = time.monotonic_ns() + 61_000_000_000
    monkeypatch.setattr(time, "monotonic_ns", lambda: later)
    assert await passwords.match(stored, "a good password")
    assert len(asked) == 2
    assert not any("good" in str(mark) for mark in passwords.verified)
