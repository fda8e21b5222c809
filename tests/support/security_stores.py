"""In-memory users, families, API keys and audit, as the store keeps them; and a clock that stands still."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable

from argon2 import Type
from pwdlib.hashers.argon2 import Argon2Hasher

from engram.security.api_keys import ApiKey
from engram.security.audit import AuditDraft, AuditEntry
from engram.security.entrance import Entrance, User, make_entrance
from engram.security.passwords import Passwords
from engram.security.refresh import RefreshRecord
from engram.security.signing_keys import load_or_create_signing_keys
from engram.security.tokens import TokenIssuer

NOON = 1_800_000_000.0


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += seconds


class MemoryFamilies:
    def __init__(self) -> None:
        self.records: dict[str, RefreshRecord] = {}
        self.lock = threading.Lock()

    def add(self, record: RefreshRecord) -> None:
        with self.lock:
            self.records[record.digest] = record

    def find(self, digest: str) -> RefreshRecord | None:
        return self.records.get(digest)

    def rotate(self, digest: str, successor: RefreshRecord) -> bool:
        with self.lock:
            old = self.records[digest]
            if old.used or old.revoked:
                return False
            self.records[digest] = dataclasses.replace(old, used=True)
            self.records[successor.digest] = successor
            return True

    def revoke_family(self, family: str) -> None:
        self._revoke(lambda record: record.family == family)

    def revoke_user(self, user: str) -> int:
        living = {each.family for each in self.records.values() if each.user == user and not each.revoked}
        self._revoke(lambda record: record.user == user)
        return len(living)

    def is_revoked(self, family: str) -> bool:
        found = [record.revoked for record in self.records.values() if record.family == family]
        return not found or any(found)

    def _revoke(self, chosen: Callable[[RefreshRecord], bool]) -> None:
        with self.lock:
            for digest, record in self.records.items():
                if chosen(record):
                    self.records[digest] = dataclasses.replace(record, revoked=True)


class MemoryApiKeys:
    def __init__(self) -> None:
        self.keys: dict[str, ApiKey] = {}

    def add(self, key: ApiKey) -> None:
        self.keys[key.prefix] = key

    def find(self, prefix: str) -> ApiKey | None:
        return self.keys.get(prefix)

    def revoke(self, prefix: str, at: int) -> None:
        if self.keys[prefix].revoked_at is None:
            self.keys[prefix] = dataclasses.replace(self.keys[prefix], revoked_at=at)


class MemoryUsers:
    def __init__(self) -> None:
        self.users: dict[str, User] = {}

    def find(self, name: str) -> User | None:
        return next((user for user in self.users.values() if user.name == name), None)

    def get(self, user: str) -> User | None:
        return self.users.get(user)

    def set_password(self, user: str, password_hash: str, *, must_change: bool) -> None:
        changed = {"password_hash": password_hash, "must_change_password": must_change}
        self.users[user] = dataclasses.replace(self.users[user], **changed)

    def create_first(self, make: Callable[[], User]) -> bool:
        if self.users:
            return False
        user = make()
        self.users[user.id] = user
        return True


class MemoryAudit:
    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []

    def append(self, make: Callable[[AuditEntry | None], AuditEntry]) -> AuditEntry:
        self.entries.append(make(self.entries[-1] if self.entries else None))
        return self.entries[-1]


class CountingHasher(Argon2Hasher):
    """argon2id with small parameters, so that tests are quick; counts what it does."""

    def __init__(self, time_cost: int = 1) -> None:
        super().__init__(time_cost, 64, 1, type=Type.ID)
        self.hashes: list[str] = []
        self.compared: list[str] = []

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.hashes.append(super().hash(password, salt=salt))
        return self.hashes[-1]

    def verify(self, password: str | bytes, hash: str | bytes) -> bool:
        self.compared.append(str(hash))
        return super().verify(password, hash)


@dataclasses.dataclass
class Desk:
    """A whole entrance in memory."""

    entrance: Entrance
    users: MemoryUsers
    families: MemoryFamilies
    hasher: CountingHasher
    clock: Clock
    audit: list[AuditDraft]

    def add(self, name: str, password: str, role: str = "developer", **more: bool) -> User:
        """Add a user of a name and password."""
        user = User(f"u_{name}", name, role, self.entrance.passwords.hash(password), **more)
        self.users.users[user.id] = user
        return user


def make_issuer(keys_folder, clock: Clock, families: MemoryFamilies) -> TokenIssuer:
    keys = load_or_create_signing_keys(keys_folder)
    return TokenIssuer(keys, "https://engram.test", "https://engram.test/api", clock, families.is_revoked)


def make_desk(folder, *, hasher: CountingHasher | None = None, **limits) -> Desk:
    clock, users, families, audit = Clock(), MemoryUsers(), MemoryFamilies(), []
    hasher = hasher or CountingHasher()
    passwords = Passwords(workers=1, waiting=4, hasher=hasher)
    issuer = make_issuer(folder / "keys", clock, families)
    entrance = make_entrance(users, families, passwords, issuer, audit.append, monotonic=clock, **limits)
    return Desk(entrance, users, families, hasher, clock, audit)
