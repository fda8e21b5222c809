"""Signing in and staying so: limits, the password, the audit and the two tokens, in that order, in the same words."""

from __future__ import annotations

from engram.security.audit import AuditDraft
from engram.security.entrance import (
    Entrance,
    SignedIn,
    User,
    fold_name,
    give_tries_back,
    refused_sign_in,
    take_try,
    trace_of,
)
from engram.security.passwords import Verified
from engram.security.refresh import FamilyRevoked, Refreshed, begin_family, rotate
from engram.security.tokens import make_access_token


def sign_in(
    entrance: Entrance, name: str, password: str, address: str, *, request: str = "", agent: str = ""
) -> SignedIn:
    """Sign a user in with name and password.

    address: as `client_address` gives it; agent: what the browser or program calls itself. Raises NotSignedIn, in the
    same words, for an unknown name, a wrong password and a disabled user; Throttled when the name or the address has
    tried too often, right password or not.
    """
    folded = fold_name(name)
    take_try(entrance, folded, address, request)
    user = entrance.users.find(folded)
    verified = entrance.passwords.verify(password, user.password_hash if user else None)
    signed_in = _finish(entrance, folded, address, request, agent, user, verified)
    if user and verified.needs_rehash:
        _store(entrance, user, entrance.passwords.hash(password))
    return signed_in


async def sign_in_async(
    entrance: Entrance, name: str, password: str, address: str, *, request: str = "", agent: str = ""
) -> SignedIn:
    """Sign a user in without blocking the event loop while the password is compared; else as `sign_in`."""
    folded = fold_name(name)
    take_try(entrance, folded, address, request)
    user = entrance.users.find(folded)
    verified = await entrance.passwords.verify_async(password, user.password_hash if user else None)
    signed_in = _finish(entrance, folded, address, request, agent, user, verified)
    if user and verified.needs_rehash:
        _store(entrance, user, await entrance.passwords.hash_async(password))
    return signed_in


def sign_in_known(
    entrance: Entrance, user: User, address: str, *, operation: str, request: str = "", agent: str = ""
) -> SignedIn:
    """Sign in a user whom a provider has vouched for (`oauth.callback`).

    Raises NotSignedIn when she is disabled.
    """
    if user.disabled:
        entrance.record(AuditDraft(user.id, operation, "refused", user.id, "disabled", "", request, address))
        raise refused_sign_in()
    entrance.record(AuditDraft(user.id, operation, "allowed", user.id, "", "", request, address))
    return _give_tokens(entrance, user, _begin(entrance, user, address, agent))


def refresh(entrance: Entrance, token: str, address: str, *, request: str = "", agent: str = "") -> SignedIn:
    """Exchange a refresh token for a new pair, with the user's role as it is now.

    Raises NotSignedIn when it doesn't count or the user is disabled; an old token ends its family.
    """
    try:
        made = rotate(entrance.families, token, entrance.tokens.clock, address=address, agent=agent)
    except FamilyRevoked as error:
        reason = "an old refresh token came back; its family is revoked"
        said = AuditDraft(error.user, "sessions.refresh", "refused", error.family, reason, "", request, address)
        entrance.record(said)
        raise
    user = entrance.users.get(made.record.user)
    if user is None or user.disabled:
        entrance.families.revoke_family(made.record.family)
        raise refused_sign_in()
    return _give_tokens(entrance, user, made)


def _finish(
    entrance: Entrance, name: str, address: str, request: str, agent: str, user: User | None, verified: Verified
) -> SignedIn:
    if user is None or not verified.ok or user.disabled:
        reason = "unknown name" if user is None else "disabled" if verified.ok else "wrong password"
        who = user.id if user else ""
        said = AuditDraft(
            who, "sessions.sign_in", "refused", who, reason, "", request, address, {"name": trace_of(name)}
        )
        entrance.record(said)
        raise refused_sign_in()
    give_tries_back(entrance, name)
    entrance.record(AuditDraft(user.id, "sessions.sign_in", "allowed", user.id, "", "", request, address))
    return _give_tokens(entrance, user, _begin(entrance, user, address, agent))


def _begin(entrance: Entrance, user: User, address: str, agent: str) -> Refreshed:
    return begin_family(entrance.families, user.id, entrance.tokens.clock, address=address, agent=agent)


def _store(entrance: Entrance, user: User, password_hash: str) -> None:
    """Keep the same password under today's parameters."""
    entrance.users.set_password(user.id, password_hash, must_change=user.must_change_password)


def _give_tokens(entrance: Entrance, user: User, made: Refreshed) -> SignedIn:
    text, access = make_access_token(
        entrance.tokens, user.id, user.role, made.record.family, must_change_password=user.must_change_password
    )
    return SignedIn(text, made.token, access, user.must_change_password)
