"""The first password and every later one: made at random, changed by its owner, and ending her other sign-ins."""

from __future__ import annotations

from engram.errors import WeakPassword
from engram.security.audit import AuditDraft
from engram.security.entrance import (
    Entrance,
    User,
    Users,
    fold_name,
    give_tries_back,
    refused_sign_in,
    take_try,
)
from engram.security.passwords import Passwords, check_password, make_password, normalise
from engram.security.principal import ADMIN
from engram.security.refresh import sign_out_everywhere


def change_password(entrance: Entrance, user: User, old: str, new: str, address: str, *, request: str = "") -> None:
    """Change a user's own password; every sign-in of hers ends, this one too.

    Raises NotSignedIn when the old one is wrong, Throttled after too many tries, and WeakPassword for a new one that
    may not be chosen or is the old one.
    """
    folded = fold_name(user.name)
    take_try(entrance, folded, address, request)
    if not entrance.passwords.verify(old, user.password_hash).ok:
        reason = "wrong password"
        said = AuditDraft(user.id, "users.change_password", "refused", user.id, reason, "", request, address)
        entrance.record(said)
        raise refused_sign_in()
    check_new_password(new, user.name, old)
    entrance.users.set_password(user.id, entrance.passwords.hash(new), must_change=False)
    sign_out_everywhere(entrance.families, user.id)
    give_tries_back(entrance, folded)
    entrance.record(AuditDraft(user.id, "users.change_password", "allowed", user.id, "", "", request, address))


def check_new_password(new: str, user_name: str, old: str) -> None:
    """Refuse a new password that may not be chosen, or that is the old one.

    Raises WeakPassword, which repeats neither.
    """
    check_password(new, user_name)
    if normalise(new) == normalise(old):
        raise WeakPassword("The new password is the old one.", remedy="Choose another.")


def make_first_admin(users: Users, passwords: Passwords, user: str, name: str = "admin") -> str | None:
    """Create the first Admin with a random password and return it, to be shown once; None when there is any user.

    The password must be changed at the first sign-in. It is in no file, log or setting.
    """
    password = make_password()

    def first() -> User:  # at every later start nothing is hashed, which takes a while on purpose
        return User(user, fold_name(name), ADMIN, passwords.hash(password), must_change_password=True)

    return password if users.create_first(first) else None
