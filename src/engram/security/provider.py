"""A provider as the settings name it: whom to ask, where browsers come back to, and what its groups are here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from engram.errors import UnsafeAddress, UsageError
from engram.security.fetch import check_url


@dataclass(frozen=True)
class Provider:
    """A provider as the settings name it.

    redirect_uri: our callback, exactly as the provider knows it; it is sent as it stands and never built of a request.
    role_claim: where the ID token says groups or roles; a dot goes deeper. roles: its values → our roles, the first
    that fits counts. default_role: for whoever fits none; None refuses her.
    """

    name: str
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    roles: Mapping[str, str]
    role_claim: str = "groups"
    default_role: str | None = None
    scopes: tuple[str, ...] = ("openid", "profile", "email")


def check_provider(provider: Provider, *, allow_loopback: bool = False) -> None:
    """Refuse a provider of the settings that could not be safe.

    Raises UsageError naming what is wrong.
    """
    try:
        check_url(provider.issuer, allow_loopback=allow_loopback)
    except UnsafeAddress as error:
        raise UsageError(f"The issuer of {provider.name!r} can't be used: {error.message}") from error
    if "?" in provider.issuer or "#" in provider.issuer:
        raise UsageError(f"The issuer of {provider.name!r} has a query or a fragment.", remedy="End it before.")
    if not _is_callback(provider.redirect_uri):
        raise UsageError(
            f"The redirect_uri of {provider.name!r}, {provider.redirect_uri[:200]!r}, can't be used: expected https, "
            "or http on loopback, without user and fragment.",
            remedy="For example: https://engram.example.org/api/v1/oauth/callback",
        )
    if "openid" not in provider.scopes:
        raise UsageError(f"The scopes of {provider.name!r} lack 'openid'.", remedy="Add it.")
    if not provider.roles and provider.default_role is None:
        raise UsageError(f"{provider.name!r} gives nobody a role.", remedy="Map values of the claim to roles.")


def role_of(provider: Provider, claims: Mapping[str, Any]) -> str | None:
    """Return the role that a provider's claims give: the first of its table whose value is there.

    >>> table = Provider("p", "https://p", "c", "s", "https://us/cb", {"ops": "admin", "staff": "viewer"})
    >>> role_of(table, {"groups": ["staff", "ops"]}), role_of(table, {"groups": "other"})
    ('admin', None)
    """
    found: Any = claims
    for part in provider.role_claim.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    values = found if isinstance(found, list) else [found]
    for value, role in provider.roles.items():
        if value in [each for each in values if isinstance(each, str)]:
            return role
    return provider.default_role


def _is_callback(uri: str) -> bool:
    """Tell whether browsers may be sent back there; unlike what the server asks itself, it may be a private host."""
    try:
        parts = urlsplit(uri)
        parts.port  # noqa: B018 (it raises for a port that is none)
    except ValueError:
        return False
    plain = uri.isascii() and uri.isprintable() and not any(char in uri for char in " \\#@*")
    secure = parts.scheme == "https" or parts.hostname in ("localhost", "127.0.0.1", "::1")
    return plain and secure and parts.scheme in ("http", "https") and bool(parts.hostname)
