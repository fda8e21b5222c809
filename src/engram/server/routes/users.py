"""Users: one's own account, and for Admins everybody's. The last Admin who can come in stays one."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from engram.errors import Conflict, NotFound, UsageError
from engram.security import password_change
from engram.security.entrance import fold_name
from engram.security.passwords import make_password
from engram.security.policy import operations_of, own_only
from engram.security.principal import ADMIN, HOUSE
from engram.security.roles import check_assignment
from engram.server import cookies
from engram.server.access import Caller, Here, Who
from engram.server.route import Router
from engram.server.shapes.people import MeOut, PasswordGiven, UserList, UserMade, UserOut
from engram.server.versions import IfMatch, tag, version_of
from engram.store.database import now
from engram.store.pages import USUAL, Ask
from engram.store.records import api_keys, logins, users
from engram.store.records.users import User
from engram.store.rows import check_version
from engram.store.times import from_micros

router = Router(prefix="/api/v1/users", tags=["users"])


class Strict(BaseModel):
    """A body in which nothing is ignored."""

    model_config = ConfigDict(extra="forbid")


class NewPassword(Strict):
    """The old password and the new one."""

    old: str = Field(max_length=1024)
    new: str = Field(max_length=1024)


class NewUser(Strict):
    """Who comes in. provider, subject: for one who comes only through a provider, its issuer and its name for her."""

    name: str = Field(min_length=1, max_length=256)
    role: str = Field(max_length=64)
    title: str = Field(default="", max_length=256)
    email: str = Field(default="", max_length=256)
    provider: str | None = Field(default=None, max_length=2000)
    subject: str | None = Field(default=None, max_length=255)


class Details(Strict):
    """What may be corrected about a user; what is left out stays."""

    title: str | None = Field(default=None, max_length=256)
    email: str | None = Field(default=None, max_length=256)


class Assignment(Strict):
    """A role for a user."""

    role: str = Field(max_length=64)


class Standing(Strict):
    """Whether a user is kept out."""

    disabled: bool


@router.get("/me", operation_id="users.me", response_model=MeOut)
def me(who: Who, here: Here) -> dict[str, Any]:
    """Say who asks, and what she may do."""
    principal = who.principal
    found = here.entrance.users.get(principal.user)
    return {
        "user": principal.user,
        "name": found.name if found else "",
        "role": principal.role,
        "must_change_password": principal.must_change_password,
        "operations": operations_of(principal, who.roles),
        "own_only": own_only(principal, who.roles),
    }


@router.post("/me/password", operation_id="users.change_password", status_code=204)
def change_password(asked: NewPassword, who: Who, here: Here, request: Request, response: Response) -> None:
    """Change one's own password; every sign-in ends, this one too."""
    user = here.entrance.users.get(who.principal.user)
    who.require("user", user.id if user else None)
    if user is None:
        raise NotFound("There is no such user.")
    password_change.change_password(here.entrance, user, asked.old, asked.new, who.address, request=request.state.id)
    cookies.take_back(response)


@router.get("", operation_id="users.list", response_model=UserList)
def listed(
    who: Who,
    here: Here,
    after: str | None = None,
    limit: int = USUAL,
    role: str | None = None,
    name: str | None = None,
) -> dict[str, Any]:
    """List users, newest first; `name` is how a name begins."""
    ask = Ask(None, after, limit, equal={"role": role}, prefix={"name": fold_name(name) if name else None})
    with here.db.read() as tx:
        page = users.list_users(tx, ask)
    return {"items": [shown(one) for one in page.items], "next": page.next}


@router.post(
    "", operation_id="users.create", response_model=UserMade, response_model_exclude_unset=True, status_code=201
)
def create(asked: NewUser, who: Who, here: Here) -> dict[str, Any]:
    """Add a user with a random password, shown this once and to be changed, or one who comes through a provider.

    It takes no Idempotency-Key: the answer holds the password, which is kept nowhere; a name is taken once anyway.
    """
    name = fold_name(asked.name)
    if not name or not name.isprintable() or name == HOUSE:
        raise UsageError(f"{asked.name[:40]!r} is no name for a user: it needs printable characters.")
    if (asked.provider is None) != (asked.subject is None):
        raise UsageError("A provider comes with the subject by which it knows her, and the other way round.")
    check_assignment(who.principal, asked.role, who.roles)
    password = None if asked.provider else make_password()
    made_hash = here.entrance.passwords.hash(password) if password else None
    with here.db.write() as tx:
        made = users.create_user(
            tx,
            name=name,
            role=asked.role,
            title=asked.title,
            email=asked.email,
            password_hash=made_hash,
            must_change_password=password is not None,
            provider=asked.provider,
            subject=asked.subject,
        )
    who.said.update(subject=made.id, role=made.role)
    return {**shown(made), **({"password": password} if password else {})}


@router.get("/{user}", operation_id="users.read", response_model=UserOut)
def read(user: str, who: Who, here: Here, response: Response) -> dict[str, Any]:
    """Return a user: oneself, or for an Admin anybody."""
    with here.db.read() as tx:
        found = _find(tx, who, user)
    tag(response, found.version)
    return shown(found)


@router.patch("/{user}", operation_id="users.update", response_model=UserOut)
def update(user: str, asked: Details, who: Who, here: Here, response: Response, if_match: IfMatch = None) -> Any:
    """Correct a user's title or e-mail."""
    with here.db.write() as tx:
        found = _find(tx, who, user, if_match)
        made = users.change_user(tx, found.id, **asked.model_dump(exclude_none=True))
    tag(response, made.version)
    return shown(made)


@router.put("/{user}/role", operation_id="users.assign_role", response_model=UserOut)
def assign_role(user: str, asked: Assignment, who: Who, here: Here, if_match: IfMatch = None) -> dict[str, Any]:
    """Give a user another role; it counts from her next request on."""
    check_assignment(who.principal, asked.role, who.roles)
    with here.db.write() as tx:
        found = _find(tx, who, user, if_match)
        check_assignment(who.principal, found.role, who.roles)
        if asked.role != ADMIN:
            keep_an_admin(tx, found)
        made = users.change_user(tx, found.id, role=asked.role)
    who.said.update(old=found.role, new=made.role)
    return shown(made)


@router.post("/{user}/password", operation_id="users.reset_password", response_model=PasswordGiven)
def reset_password(user: str, who: Who, here: Here) -> dict[str, Any]:
    """Give a user a new random password, shown this once; her sign-ins and her API keys end."""
    password = make_password()
    made_hash = here.entrance.passwords.hash(password)
    with here.db.write() as tx:
        found = _find(tx, who, user)
        check_assignment(who.principal, found.role, who.roles)
        if found.provider is not None or found.disabled is not None:
            why = "comes in through a provider" if found.provider is not None else "is disabled"
            raise Conflict(f"{found.name} {why}; a password would not let her in.")
        users.change_user(tx, found.id, password_hash=made_hash, must_change_password=True)
        _end_all(tx, found.id)
    return {"user": found.id, "name": found.name, "password": password}


@router.put("/{user}/disabled", operation_id="users.disable", response_model=UserOut)
def disable(user: str, asked: Standing, who: Who, here: Here, if_match: IfMatch = None) -> dict[str, Any]:
    """Keep a user out, or let her in again; her sign-ins end, her keys don't count while she is out."""
    with here.db.write() as tx:
        found = _find(tx, who, user, if_match)
        check_assignment(who.principal, found.role, who.roles)
        if found.name == _deleted_name(found.id):
            raise Conflict("She was deleted.", remedy="Add a new user.")
        if asked.disabled:
            keep_an_admin(tx, found)
            logins.revoke_all(tx, found.id)
        made = users.change_user(tx, found.id, disabled=(found.disabled or now(tx)) if asked.disabled else None)
    who.said["disabled"] = asked.disabled
    return shown(made)


@router.delete("/{user}", operation_id="users.delete", status_code=204)
def delete(user: str, who: Who, here: Here, if_match: IfMatch = None) -> None:
    """Forget who a user was and keep her out; what she made stays, and the ledger notes it by her id alone."""
    with here.writing, here.db.write() as tx:
        found = _find(tx, who, user, if_match)
        if found.name == _deleted_name(found.id):
            raise NotFound(f"There is no user {user}.")
        check_assignment(who.principal, found.role, who.roles)
        keep_an_admin(tx, found)
        users.erase_user(tx, found.id, found.disabled or now(tx))
        _end_all(tx, found.id)
        here.ledger.append("user.deleted", found.id, {}, who.principal.user)


def keep_an_admin(tx: Connection, found: User) -> None:
    """Refuse with Conflict what would leave nobody who can manage the house."""
    if found.role == ADMIN and found.disabled is None and users.count_users(tx, ADMIN) <= 1:
        raise Conflict(
            f"{found.name} is the last Admin who can come in; nobody could manage this house without her.",
            remedy="Make somebody else an Admin first.",
        )


def shown(one: User) -> dict[str, Any]:
    """Return a user as the API shows her."""
    times = {name: from_micros(getattr(one, name)) for name in ("created", "updated")}
    return {**asdict(one), **times, "disabled": None if one.disabled is None else from_micros(one.disabled)}


def _find(tx: Connection, who: Caller, user: str, if_match: str | None = None) -> User:
    try:
        found = users.get_user(tx, user)
    except NotFound:
        found = None
    who.require(f"user {user}", found.id if found else None)
    if found is None:
        raise NotFound(f"There is no user {user}.")
    check_version("user", found.version, version_of(if_match))
    return found


def _end_all(tx: Connection, user: str) -> None:
    logins.revoke_all(tx, user)
    api_keys.revoke_owner_keys(tx, user)


def _deleted_name(id: str) -> str:
    return f"deleted {id}"
