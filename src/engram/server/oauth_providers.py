"""The providers of sign-ins, as the settings name them; their client secrets stand elsewhere."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from engram.errors import NotFound, PlatformError, UnknownName, UsageError
from engram.files import read_private
from engram.security.principal import USER_ROLES
from engram.security.provider import Provider, check_provider

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
NEEDED = ("issuer", "client_id", "redirect_uri")
KNOWN = tuple(one.name for one in fields(Provider) if one.name not in ("name", "client_secret"))
MOST_CHARACTERS = 2000


def read_providers(said: Mapping[str, Any]) -> dict[str, Any]:
    """Check the setting `oauth.providers`: name → what is known of a provider.

    Raises UsageError, naming the provider and the key.
    """
    for name, one in said.items():
        if not NAME.fullmatch(name) or not isinstance(one, dict):
            raise UsageError(
                f"The provider {name[:40]!r} needs a name of lower-case letters, digits and '-', and a block of keys.",
                remedy="For example: 'company': {'issuer': 'https://login.example.org', ...}",
            )
        _provider(name, one, "not asked for here")
    return dict(said)


def provider_of(said: Mapping[str, Any], name: str, home: Path) -> Provider:
    """Return a provider with its client secret.

    Raises NotFound when the settings name none like it, and PlatformError when its secret is nowhere to be found.
    """
    if name not in said:
        raise NotFound(f"There is no provider {name[:40]!r}.")
    return _provider(name, said[name], _secret(name, home))


def _provider(name: str, one: Mapping[str, Any], secret: str) -> Provider:
    for key in one:
        if key not in KNOWN:
            raise UnknownName.of(f"key of the provider {name!r}", str(key)[:60], KNOWN)
    values = {key: one.get(key, "") for key in NEEDED} | {"role_claim": one.get("role_claim", "groups")}
    roles, default, scopes = one.get("roles", {}), one.get("default_role"), one.get("scopes", ["openid", "profile"])
    shaped = all(isinstance(value, str) and 0 < len(value) <= MOST_CHARACTERS for value in values.values())
    mapped = isinstance(roles, dict) and all(isinstance(part, str) for pair in roles.items() for part in pair)
    listed = isinstance(scopes, list | tuple) and all(isinstance(each, str) for each in scopes)
    if not (shaped and mapped and listed and isinstance(default, str | None)):
        raise UsageError(
            f"The provider {name!r} needs texts for {', '.join(NEEDED)}, a block 'roles' of claim value to role, and "
            "where they are given a text 'default_role' and a list 'scopes'.",
            remedy=f"Give at least {', '.join(NEEDED)} and roles.",
        )
    for role in [*roles.values(), *([default] if default else [])]:
        if role not in USER_ROLES and not NAME.fullmatch(role):
            raise UnknownName.of("role", role[:40], USER_ROLES)
    made = Provider(name, client_secret=secret, roles=roles, default_role=default, scopes=tuple(scopes), **values)
    check_provider(made, allow_loopback=True)  # what is asked is checked again, by a fetcher that may be stricter
    return made


def _secret(name: str, home: Path) -> str:
    variable = f"ENGRAM_OAUTH_{name.upper().replace('-', '_')}_SECRET"
    if found := os.environ.get(variable):
        return found
    path = home / "keys" / f"oauth-{name}.secret"
    try:
        return read_private(path).decode().strip()
    except NotFound:
        raise PlatformError(
            f"The client secret of the provider {name!r} is not here.",
            remedy=f"Set {variable}, or write {path} (0600).",
        ) from None
