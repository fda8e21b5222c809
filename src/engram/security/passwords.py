"""Passwords: which may be chosen, and argon2id (RFC 9106) by pwdlib in a pool of few threads."""

from __future__ import annotations

import asyncio
import secrets
import threading
import unicodedata
from base64 import b64encode
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from argon2.low_level import ARGON2_VERSION
from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

from engram.errors import Throttled, WeakPassword

MIN_CHARACTERS = 12
MAX_BYTES = 1024  # argon2 reads any length; nobody's password needs more, and a request must stay cheap
MIN_DIFFERENT = 5
SEQUENCES = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm")
SEQUENCE_SHARE = 0.7
KNOWN = ("password", "passwort", "letmein", "iloveyou", "welcome", "changeme", "engram", "administrator")
# Without letters and digits that look alike: people copy the first password from a terminal.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
FIRST_GROUPS, GROUP_LENGTH = 5, 5
WORKERS, WAITING = 2, 32
NOBODY = ""  # in place of the hash of a user that doesn't exist


@dataclass(frozen=True)
class Verified:
    """What a comparison says; `needs_rehash` is True when the stored hash is of older parameters."""

    ok: bool
    needs_rehash: bool = False


class Passwords:
    """Hashes and compares passwords in at most `workers` threads; `waiting` more may queue, the next is refused.

    A comparison takes 64 MiB and tens of milliseconds, so without bounds a burst of sign-ins would stop the server.
    """

    def __init__(self, *, workers: int = WORKERS, waiting: int = WAITING, hasher: Argon2Hasher | None = None) -> None:
        self._hasher = hasher or Argon2Hasher()
        self._hash = PasswordHash((self._hasher,))
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="passwords")
        self._places = threading.BoundedSemaphore(workers + waiting)
        self._nobody = hash_of_nobody(self._hasher)

    def hash(self, password: str) -> str:
        """Return the argon2id hash of a password, with its parameters and salt.

        Raises Throttled when all places are taken.
        """
        return self._submit(password, None).result()[1]

    async def hash_async(self, password: str) -> str:
        """Return the argon2id hash of a password without blocking the event loop."""
        return (await asyncio.wrap_future(self._submit(password, None)))[1]

    def verify(self, password: str, stored: str | None) -> Verified:
        """Compare a password with the stored hash; `stored` is None for a user that doesn't exist.

        Unknown users cost the same work and are never right. Raises Throttled when all places are taken.
        """
        return self._said(stored, self._submit(password, stored or NOBODY).result()[0])

    async def verify_async(self, password: str, stored: str | None) -> Verified:
        """Compare a password with the stored hash without blocking the event loop."""
        found = (await asyncio.wrap_future(self._submit(password, stored or NOBODY)))[0]
        return self._said(stored, found)

    def close(self) -> None:
        """Let the threads end; what is waiting is cancelled."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _submit(self, password: str, stored: str | None) -> Future[tuple[bool, str]]:
        if not self._places.acquire(blocking=False):
            raise Throttled("Too many sign-ins are being checked at this moment.", retry_after=1)
        try:
            future = self._pool.submit(self._work, normalise(password), stored)
        except BaseException:
            self._places.release()
            raise
        future.add_done_callback(lambda _: self._places.release())
        return future

    def _work(self, password: str, stored: str | None) -> tuple[bool, str]:
        if stored is None:
            return True, self._hash.hash(password)
        try:
            return self._hash.verify(password, stored or self._nobody), ""
        except UnknownHashError:  # damaged in the database: nobody's password, for the same work
            self._hash.verify(password, self._nobody)
            return False, ""

    def _said(self, stored: str | None, matches: bool) -> Verified:
        if stored is None or not matches:
            return Verified(False)
        return Verified(True, self._hasher.check_needs_rehash(stored))


def hash_of_nobody(hasher: Argon2Hasher) -> str:
    """Return what is compared with for a user that doesn't exist: the same work as with hers, and no password fits.

    It is drawn and not hashed, so that no start of a server hashes for people who may never come.
    """
    own = hasher._hasher  # pwdlib has no other way to ask for its parameters
    salt, drawn = (encode(secrets.token_bytes(size)) for size in (own.salt_len, own.hash_len))
    return f"$argon2id$v={ARGON2_VERSION}$m={own.memory_cost},t={own.time_cost},p={own.parallelism}${salt}${drawn}"


def encode(content: bytes) -> str:
    """Return bytes as argon2 writes them: base64 without its padding.

    >>> encode(b"salt")
    'c2FsdA'
    """
    return b64encode(content).decode().rstrip("=")


def normalise(password: str) -> str:
    """Return a password as it is hashed: NFKC, so that every keyboard's way to write it is the same one.

    Raises WeakPassword when it is longer than 1024 bytes.

    >>> normalise("\N{FULLWIDTH LATIN SMALL LETTER A}bc")
    'abc'
    """
    text = unicodedata.normalize("NFKC", password)
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise WeakPassword(f"The password is longer than {MAX_BYTES} bytes.", remedy="Choose a shorter one.")
    return text.encode("utf-8", "replace").decode()


def check_password(password: str, user_name: str) -> None:
    """Refuse a password that is too short or can be guessed at once.

    Raises WeakPassword, which never repeats the password.

    >>> check_password("correct horse battery", "ada")
    >>> check_password("short", "ada")
    Traceback (most recent call last):
    engram.errors.WeakPassword: The password has 5 characters; expected at least 12. Choose a longer one, ...
    """
    text = normalise(password)
    if len(text) < MIN_CHARACTERS:
        raise WeakPassword(
            f"The password has {len(text)} characters; expected at least {MIN_CHARACTERS}.",
            remedy="Choose a longer one, for example four words.",
        )
    if why := _why_weak(text.casefold(), normalise(user_name).casefold().strip()):
        raise WeakPassword(f"The password {why}.", remedy="Choose another, for example four unrelated words.")


def make_password() -> str:
    """Return a random password of 123 bits, in groups that people can copy.

    >>> len(make_password()), make_password() == make_password()
    (29, False)
    """
    groups = ["".join(secrets.choice(ALPHABET) for _ in range(GROUP_LENGTH)) for _ in range(FIRST_GROUPS)]
    return "-".join(groups)


def _why_weak(text: str, user_name: str) -> str:
    if len(user_name) >= 3 and (user_name in text or user_name[::-1] in text):
        return "contains the user's name"
    if len(set(text)) < MIN_DIFFERENT:
        return f"has fewer than {MIN_DIFFERENT} different characters"
    if text in (text + text)[1:-1]:
        return "is one piece repeated"
    letters = "".join(char for char in text if char.isalnum())
    rest = letters
    for word in KNOWN:
        rest = rest.replace(word, "")
    if len(rest) < MIN_CHARACTERS // 2:
        return "is a well-known word with little added"
    if _in_sequence(letters) > SEQUENCE_SHARE * len(text):
        return "follows the alphabet, the digits or the keyboard"
    return ""


def _in_sequence(letters: str) -> int:
    """Return how many characters continue a row of the alphabet, the digits or the keyboard, either way."""
    pairs = {row[at : at + 2] for row in SEQUENCES for at in range(len(row) - 1)}
    pairs |= {pair[::-1] for pair in pairs}
    return sum(letters[at : at + 2] in pairs for at in range(len(letters) - 1))
