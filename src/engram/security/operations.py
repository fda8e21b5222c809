"""The policy table: every operation, and how far each role reaches with it. What is not here, nobody may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from engram.security.principal import ADMIN, ANONYMOUS, ATTEMPT, DEVELOPER, SERVICE, VIEWER


class Reach(IntEnum):
    """Whose objects a role reaches with an operation; more includes less."""

    NONE = 0
    OWN = 1
    SHARED = 2  # her own and those that are shared with the house
    ANY = 3


@dataclass(frozen=True)
class Operation:
    """One row of the policy.

    reach: how far each role gets; a role that is not named gets nowhere.
    on_object: True when it is done to one object that has an owner; False for lists, creation and the house itself.
    """

    name: str
    reach: Mapping[str, Reach]
    on_object: bool


@dataclass(frozen=True)
class _Row:
    reach: Mapping[str, Reach]
    on_object: bool = True


NONE, OWN, SHARED, ANY = Reach

# On one object.
_READ = _Row({ADMIN: ANY, DEVELOPER: SHARED, VIEWER: SHARED})
_USE = _Row({ADMIN: ANY, DEVELOPER: SHARED, VIEWER: SHARED})
_WRITE = _Row({ADMIN: ANY, DEVELOPER: OWN})
_MINE = _Row({ADMIN: ANY, DEVELOPER: OWN, VIEWER: OWN})
_SELF = _Row({ADMIN: OWN, DEVELOPER: OWN, VIEWER: OWN})
_RULE = _Row({ADMIN: ANY})
_ATTEMPT = _Row({ATTEMPT: OWN})
_ATTEMPT_READ = _Row({ADMIN: ANY, DEVELOPER: SHARED, VIEWER: SHARED, ATTEMPT: OWN})
_TRAINER = _Row({ADMIN: ANY, DEVELOPER: OWN, ATTEMPT: OWN})

# On a collection or on the house; a list shows what the same role reaches.
_LIST = _Row({ADMIN: ANY, DEVELOPER: SHARED, VIEWER: SHARED}, on_object=False)
_LIST_MINE = _Row({ADMIN: ANY, DEVELOPER: OWN, VIEWER: OWN}, on_object=False)
_MAKE = _Row({ADMIN: ANY, DEVELOPER: OWN}, on_object=False)
_MAKE_MINE = _Row({ADMIN: ANY, DEVELOPER: OWN, VIEWER: OWN}, on_object=False)
_MANAGE = _Row({ADMIN: ANY}, on_object=False)
_PUBLIC = _Row(dict.fromkeys((ADMIN, DEVELOPER, VIEWER, ANONYMOUS, ATTEMPT, SERVICE), ANY), on_object=False)
_SERVER = _Row({SERVICE: ANY}, on_object=False)

# `*.list` shows rows by its reach; `*.read` one object. Names are noun.verb, as routes, topics and methods give them.
_TABLE: dict[str, dict[str, _Row]] = {
    # what is trained, and from what
    "templates": {
        "list": _LIST, "read": _READ, "certificate": _READ, "create": _MAKE, "update": _WRITE, "delete": _WRITE,
    },
    "datasets": {
        "list": _LIST, "read": _READ, "create": _MAKE, "preview": _READ, "splits": _READ, "download": _READ,
        "share": _WRITE, "check": _WRITE, "update": _WRITE, "delete": _WRITE, "sample": _MAKE,
    },
    # what is on its way is its sender's own; finishing it also asks for the right to make what it becomes
    "uploads": {
        "list": _MAKE, "read": _WRITE, "create": _MAKE, "write": _WRITE, "finish": _WRITE, "abort": _WRITE,
    },
    "recipes": {
        "list": _LIST, "read": _READ, "schema": _LIST, "create": _MAKE, "validate": _MAKE_MINE, "import": _MAKE,
        "update": _WRITE, "delete": _WRITE,
    },
    "kinds": {"list": _LIST, "read": _LIST},
    # what happens
    "runs": {
        "list": _LIST, "read": _READ, "recipe": _READ, "create": _MAKE, "update": _WRITE, "watch": _READ,
        "compare": _READ,
        "pause": _WRITE, "resume": _WRITE, "cancel": _WRITE, "export": _WRITE, "reproduce": _WRITE, "share": _WRITE,
        "pin": _WRITE, "delete": _WRITE,
    },
    "iterations": {"list": _LIST, "read": _READ, "create": _MAKE, "pause": _WRITE, "resume": _WRITE, "stop": _WRITE},
    "events": {"list": _READ, "watch": _READ},
    "reports": {"list": _READ, "read": _READ, "page": _READ},
    "verdicts": {"list": _READ, "read": _READ},
    "reviews": {"list": _LIST, "read": _READ, "decide": _RULE},
    "artifacts": {
        "list": _LIST, "read": _READ, "download": _READ, "verify": _READ, "pin": _WRITE, "share": _WRITE,
        "delete": _WRITE,
    },
    "deployments": {
        "list": _LIST, "read": _READ, "create": _MAKE, "promote": _WRITE, "rollback": _WRITE, "stop": _WRITE,
        "start": _WRITE, "canary": _WRITE, "promote_canary": _WRITE, "end_canary": _WRITE,
        "share": _WRITE, "predict": _USE, "predict_file": _USE, "stream": _USE, "feedback": _USE, "delete": _WRITE,
        "traffic": _READ,
    },
    # the trainer's protocol: an attempt's key, or a person who trains on a machine of her own
    "models": {"read": _ATTEMPT_READ, "download": _ATTEMPT_READ, "metrics": _TRAINER, "certify": _TRAINER},
    "modulations": {"list": _LIST, "read": _READ},
    "modulation": {
        "start": _TRAINER, "next_trial": _TRAINER, "report_trial": _TRAINER, "metrics": _TRAINER, "stop": _TRAINER,
        "complete": _TRAINER, "upload": _TRAINER,
    },
    "attempts": {
        "read": _READ, "spec": _ATTEMPT, "dataset": _ATTEMPT, "events": _ATTEMPT, "lease": _ATTEMPT,
        "checkpoint": _ATTEMPT, "candidate": _ATTEMPT, "stopped": _ATTEMPT, "state": _ATTEMPT, "declare": _ATTEMPT,
        "judge": _ATTEMPT, "publish": _ATTEMPT,
    },
    # what can be proven: the ledger holds digests and opaque ids only, so everybody who is signed in may check it
    "ledger": {
        "list": _LIST, "newest": _LIST, "read": _LIST, "prove": _LIST, "verify": _LIST, "checkpoint": _LIST,
        "key": _LIST,
    },
    "certificates": {"list": _LIST, "read": _READ, "verify": _READ},
    # what is watched
    "alerts": {
        "list": _LIST, "read": _READ, "create": _MAKE, "update": _WRITE, "silence": _WRITE, "test": _WRITE,
        "delete": _WRITE,
    },
    "metrics": {"list": _LIST, "read": _READ, "house": _MANAGE, "prometheus": _MANAGE},
    "drift": {"read": _READ},
    "usage": {"list": _LIST_MINE, "read": _MINE, "house": _MANAGE},
    "costs": {"list": _LIST_MINE, "read": _MINE, "house": _MANAGE},
    "sla": {"read": _READ, "house": _MANAGE},
    "cloud": {"read": _MANAGE, "start": _MANAGE, "stop": _MANAGE},
    # who may
    "users": {
        "me": _MAKE_MINE, "change_password": _SELF, "list": _MANAGE, "read": _MINE, "create": _MANAGE,
        "update": _RULE, "assign_role": _RULE, "reset_password": _RULE, "disable": _RULE, "delete": _RULE,
    },
    "keys": {"list": _LIST_MINE, "read": _MINE, "create": _MAKE_MINE, "revoke": _MINE},
    "sessions": {
        "sign_in": _PUBLIC, "refresh": _PUBLIC, "sign_out": _MAKE_MINE, "list": _LIST_MINE, "end": _MINE,
        "end_all": _MINE,
    },
    "oauth": {"providers": _PUBLIC, "start": _PUBLIC, "callback": _PUBLIC},
    "roles": {"list": _MANAGE, "read": _MANAGE, "create": _MANAGE, "update": _MANAGE, "delete": _MANAGE},
    "policy": {"read": _LIST_MINE, "write": _MANAGE},
    "filters": {"read": _MANAGE, "write": _MANAGE, "test": _MANAGE, "decisions": _MANAGE},
    "audit": {"list": _MANAGE, "export": _MANAGE, "verify": _MANAGE},
    "settings": {"read": _MANAGE, "write": _MANAGE},
    # the house itself
    "home": {"status": _LIST, "gc": _MANAGE, "backup": _MANAGE, "restore": _MANAGE, "rotate_keys": _MANAGE},
    "health": {"live": _PUBLIC, "ready": _PUBLIC},
    "openapi": {"read": _PUBLIC},
    "pages": {"read": _PUBLIC, "asset": _PUBLIC},
    # the shapes that existing clients speak; the model they name is a deployment, the training file a dataset
    "openai": {
        "models.list": _LIST, "models.read": _READ, "chat.completions": _USE, "completions": _USE, "embeddings": _USE,
        "audio.speech": _USE, "audio.transcriptions": _USE, "files.list": _LIST, "files.create": _MAKE,
        "files.read": _READ, "files.content": _READ, "files.delete": _WRITE,
        "fine_tuning.create": _MAKE, "fine_tuning.list": _LIST, "fine_tuning.read": _READ,
        "fine_tuning.events": _READ, "fine_tuning.checkpoints": _READ, "fine_tuning.cancel": _WRITE,
    },
    # live topics of /ws
    "ws": {
        "connect": _MAKE_MINE, "runs": _LIST, "run": _READ, "events": _READ, "deployment": _READ, "alerts": _LIST,
        "metrics": _READ, "reviews": _LIST, "system": _MANAGE, "ledger": _LIST,
    },
    # gRPC of core: only the server calls it, with the home's own certificate
    "core": {
        "launch": _SERVER, "status": _SERVER, "kill": _SERVER, "predict": _SERVER, "classify": _SERVER,
        "health": _SERVER,
    },
}  # fmt: skip

OPERATIONS: Mapping[str, Operation] = {
    f"{noun}.{verb}": Operation(f"{noun}.{verb}", row.reach, row.on_object)
    for noun, verbs in _TABLE.items()
    for verb, row in verbs.items()
}

# All that a user may do while her first or reset password is still in place.
WITH_OLD_PASSWORD = frozenset({"users.me", "users.change_password", "sessions.sign_out", "sessions.refresh"})
# What makes, widens or outlives a credential: a person does it, signed in, never an API key, whatever its scopes.
IN_PERSON = frozenset(
    {"keys.create", "users.create", "users.assign_role", "users.change_password", "users.reset_password"}
    | {name for name in OPERATIONS if name.startswith("roles.") and name not in ("roles.list", "roles.read")}
    | {"policy.write", "home.restore", "home.rotate_keys"}
)
