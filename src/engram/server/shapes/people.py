"""People, their sign-ins, keys and roles, as the API shows them; times are UTC."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

Reach = Literal["none", "own", "shared", "any"]


class SignedInOut(BaseModel):
    """A sign-in's tokens; for a browser they are in cookies and not here. expires_at: seconds since 1970."""

    token_type: Literal["bearer", "cookie"]
    expires_at: float
    must_change_password: bool
    access_token: str | None = None
    refresh_token: str | None = None


class SignInOut(BaseModel):
    """A living sign-in. present: it is the one that asks."""

    id: str
    user: str
    created: str
    refreshed: str
    expires: str
    address: str
    user_agent: str
    present: bool


class SignInList(BaseModel):
    """A page of sign-ins; `next` continues the list."""

    items: list[SignInOut]
    next: str | None


class MeOut(BaseModel):
    """Who asks. operations: those that she may do at all; a page shows no control for another.

    own_only: those of them that she may do to what is hers alone, whatever others share with her.
    """

    user: str
    name: str
    role: str
    must_change_password: bool
    operations: list[str]
    own_only: list[str]


class UserOut(BaseModel):
    """A user. disabled: since when she is kept out, or null. provider, subject: who vouches for her."""

    id: str
    name: str
    title: str
    email: str
    role: str
    provider: str | None
    subject: str | None
    disabled: str | None
    created: str
    updated: str
    version: int


class UserList(BaseModel):
    """A page of users; `next` continues the list."""

    items: list[UserOut]
    next: str | None


class UserMade(UserOut):
    """A new user. password: shown this once; absent for one who comes through a provider."""

    password: str | None = None


class PasswordGiven(BaseModel):
    """A new password, shown this once."""

    user: str
    name: str
    password: str


class KeyMade(BaseModel):
    """A new API key. key: its text, shown this once; null when the request is repeated."""

    key: str | None
    prefix: str
    scopes: list[str]


class KeyOut(BaseModel):
    """An API key without its secret. run, epoch: what an attempt's key is for; null for a person's."""

    id: str
    owner: str
    name: str
    prefix: str
    scopes: list[str]
    created: str
    expires: str | None
    revoked: str | None
    used: str | None
    run: str | None
    epoch: int | None


class KeyList(BaseModel):
    """A page of keys; `next` continues the list."""

    items: list[KeyOut]
    next: str | None


class RoleOut(BaseModel):
    """A custom role. operations: operation → how far it reaches."""

    name: str
    operations: dict[str, Reach]
    version: int
    created: str
    updated: str


class RoleList(BaseModel):
    """All custom roles; `next` is always null."""

    items: list[RoleOut]
    next: str | None


class RoleName(BaseModel):
    """A role of the policy."""

    name: str
    custom: bool


class OperationOut(BaseModel):
    """One operation. on_object: it is about one thing; in_person: no API key may do it; reach: role → how far."""

    name: str
    on_object: bool
    in_person: bool
    reach: dict[str, Reach]


class PolicyOut(BaseModel):
    """The policy as a table."""

    roles: list[RoleName]
    operations: list[OperationOut]


class LineOut(BaseModel):
    """One line of the audit. before: the digest of the line before it; digest: its own."""

    id: int
    time: str
    actor: str
    via: str
    operation: str
    subject: str
    outcome: str
    reason: str
    address: str
    request: str
    detail: dict[str, Any]
    before: str
    digest: str


class LineList(BaseModel):
    """A page of the audit, newest first; `next` continues it."""

    items: list[LineOut]
    next: str | None


class AuditChecked(BaseModel):
    """The audit is whole: so many lines, and the digest of the last."""

    ok: bool
    size: int
    digest: str
