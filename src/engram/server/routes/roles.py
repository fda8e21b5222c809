"""Custom roles, and the policy as a table: what each role may do, as it is decided at every request."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path, Response
from pydantic import BaseModel, ConfigDict, Field

from engram.security.operations import IN_PERSON, OPERATIONS, Reach
from engram.security.policy import reach_of_role
from engram.security.principal import USER_ROLES
from engram.security.roles import make_role
from engram.server.access import Here, Who
from engram.server.once import Key, once
from engram.server.route import Router
from engram.server.shapes.people import PolicyOut, RoleList, RoleOut
from engram.server.versions import IfMatch, tag, version_of
from engram.store.records import roles
from engram.store.records.roles import Role
from engram.store.times import from_micros

router = Router(prefix="/api/v1", tags=["roles"])
Name = Annotated[str, Path(max_length=64)]
Far = Literal["own", "shared", "any"]


class Operations(BaseModel):
    """What a role may do, and how far: her own objects, those shared with the house too, or anybody's."""

    model_config = ConfigDict(extra="forbid")

    operations: dict[str, Far] = Field(min_length=1, max_length=len(OPERATIONS))


class NewRole(Operations):
    """A name for operations."""

    name: str = Field(min_length=1, max_length=64)


@router.get("/roles", operation_id="roles.list", response_model=RoleList)
def listed(who: Who, here: Here) -> dict[str, Any]:
    """List the custom roles by name; there are few."""
    with here.db.read() as tx:
        found = roles.list_roles(tx)
    return {"items": [shown(one) for one in found], "next": None}


@router.post("/roles", operation_id="roles.create", response_model=RoleOut, status_code=201)
def create(asked: NewRole, who: Who, here: Here, key: Key = None) -> Any:
    """Make a role of operations that the caller has herself, each no farther than she reaches."""
    made = _checked(who, asked.name, asked.operations)
    with here.db.write() as tx:
        answer = once(tx, who, key, asked, lambda: shown(roles.create_role(tx, asked.name, made)))
    here.roles.forget()
    who.said.update(subject=asked.name, new=made)
    return answer


@router.get("/roles/{role}", operation_id="roles.read", response_model=RoleOut)
def read(role: Name, who: Who, here: Here, response: Response) -> dict[str, Any]:
    """Return a custom role."""
    with here.db.read() as tx:
        found = roles.get_role(tx, role)
    tag(response, found.version)
    return shown(found)


@router.put("/roles/{role}", operation_id="roles.update", response_model=RoleOut)
def update(
    role: Name, asked: Operations, who: Who, here: Here, response: Response, if_match: IfMatch = None
) -> dict[str, Any]:
    """Give a role other operations; they count from the next request on."""
    reach = _checked(who, role, asked.operations)
    with here.db.write() as tx:
        before = roles.get_role(tx, role)
        # Whoever changes a role takes from it or gives to it: she must reach as far as it did.
        _checked(who, role, before.reach)
        made = roles.change_role(tx, role, reach, version=version_of(if_match))
    here.roles.forget()
    who.said.update(old=dict(before.reach), new=reach)
    tag(response, made.version)
    return shown(made)


@router.delete("/roles/{role}", operation_id="roles.delete", status_code=204)
def delete(role: Name, who: Who, here: Here, if_match: IfMatch = None) -> None:
    """Remove a role that nobody has."""
    with here.db.write() as tx:
        roles.delete_role(tx, role, version=version_of(if_match))
    here.roles.forget()


@router.get("/policy", operation_id="policy.read", response_model=PolicyOut)
def policy(who: Who) -> dict[str, Any]:
    """Return the policy: every operation, and how far each role reaches with it."""
    names = [*USER_ROLES, *sorted(who.roles)]
    return {
        "roles": [{"name": name, "custom": name in who.roles} for name in names],
        "operations": [
            {
                "name": row.name,
                "on_object": row.on_object,
                "in_person": row.name in IN_PERSON,
                "reach": {name: reach_of_role(name, row, who.roles).name.lower() for name in names},
            }
            for row in OPERATIONS.values()
        ],
    }


def shown(one: Role) -> dict[str, Any]:
    """Return a role as the API shows it."""
    times = {"created": from_micros(one.created), "updated": from_micros(one.updated)}
    return {"name": one.name, "operations": dict(one.reach), "version": one.version, **times}


def _checked(who: Who, name: str, operations: Any) -> dict[str, str]:
    """Return a role's reach as it is kept; raises Forbidden where it is more than the caller has."""
    made = make_role(who.principal, name, {key: Reach[far.upper()] for key, far in operations.items()}, who.roles)
    return {key: far.name.lower() for key, far in made.reach.items()}
