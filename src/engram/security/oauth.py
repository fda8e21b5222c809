"""Signing in through a provider: OAuth 2.0 code flow with PKCE (RFC 6749, 7636, 9207, 9700) and OpenID Connect.

`begin` sends the browser away with a state, a nonce and a challenge; `finish` takes what comes back. State, nonce and
verifier are used once and die after ten minutes; the browser that finishes must be the one that began (its cookie).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote_plus

from authlib.oauth2.auth import encode_client_secret_basic
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from engram.security.fetch import Fetched, Fetcher, post_form
from engram.security.oidc import check_id_token, discover, read_json, refused
from engram.security.provider import Provider, check_provider, role_of

PENDING_SECONDS = 600
RANDOM_BYTES = 32
MAX_CODE = 2048


@dataclass(frozen=True)
class Pending:
    """A sign-in that has begun: what is stored of it until the browser comes back."""

    state_digest: str
    provider: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    browser_digest: str
    redirect_uri: str
    expires_at: int


class PendingSignIns(Protocol):
    """Where sign-ins wait for their browser; each method is one transaction."""

    def add(self, pending: Pending) -> None:
        """Remember a sign-in that has begun."""

    def take(self, state_digest: str) -> Pending | None:
        """Return and forget it in one step, so that a state is good once."""


@dataclass(frozen=True)
class Begun:
    """Where to send the browser, and the secret of its cookie (HttpOnly, Secure, SameSite=Lax, ten minutes)."""

    url: str = field(repr=False)
    browser: str = field(repr=False)


@dataclass(frozen=True)
class Identity:
    """Whom a provider vouches for: `issuer` and `subject` together name her for ever; names and mails may change."""

    issuer: str
    subject: str
    role: str
    name: str
    email: str
    email_verified: bool


def begin(fetcher: Fetcher, pending: PendingSignIns, provider: Provider, clock: Callable[[], float]) -> Begun:
    """Begin a sign-in; raises NotSignedIn or UnsafeAddress when the provider can't be used."""
    check_provider(provider, allow_loopback=fetcher.allow_loopback)
    metadata = discover(fetcher, provider.issuer)
    state, nonce, browser = (secrets.token_urlsafe(RANDOM_BYTES) for _ in range(3))
    verifier = secrets.token_urlsafe(RANDOM_BYTES)
    ends = int(clock()) + PENDING_SECONDS
    pending.add(Pending(_digest(state), provider.name, nonce, verifier, _digest(browser), provider.redirect_uri, ends))
    url = prepare_grant_uri(
        metadata.authorization,
        provider.client_id,
        "code",
        redirect_uri=provider.redirect_uri,
        scope=" ".join(provider.scopes),
        state=state,
        nonce=nonce,
        code_challenge=create_s256_code_challenge(verifier),
        code_challenge_method="S256",
    )
    return Begun(str(url), browser)


def finish(
    fetcher: Fetcher,
    pending: PendingSignIns,
    provider: Provider,
    callback: Mapping[str, str],
    browser: str,
    clock: Callable[[], float],
) -> Identity:
    """Finish a sign-in with the callback's query and the browser's cookie; return who it is, and her role.

    Raises NotSignedIn when the state is unknown, used, expired or of another provider or browser, when the provider
    refuses, when its answer or ID token does not count, and when nothing gives her a role.
    """
    found = _take(pending, provider, callback, browser, clock)
    if "error" in callback:
        raise refused("the provider refused it")
    code = callback.get("code", "")
    if not code or len(code) > MAX_CODE:
        raise refused("there is no code")
    metadata = discover(fetcher, provider.issuer)
    if callback.get("iss", metadata.issuer if not metadata.says_issuer else "") != metadata.issuer:
        raise refused("the answer is of another provider")
    said = _exchange(fetcher, provider, metadata.token, code, found)
    claims = check_id_token(
        fetcher,
        metadata,
        str(said.get("id_token", "")),
        client_id=provider.client_id,
        nonce=found.nonce,
        access_token=str(said.get("access_token", "")),
        clock=clock,
    )
    role = role_of(provider, claims)
    if role is None:
        raise refused(f"nothing in the claim {provider.role_claim!r} gives a role here")
    name = claims.get("preferred_username") or claims.get("name") or claims.get("email") or ""
    mail = claims.get("email")
    return Identity(
        metadata.issuer,
        claims["sub"],
        role,
        str(name)[:256],
        str(mail)[:256] if isinstance(mail, str) else "",
        claims.get("email_verified") is True,
    )


def _take(
    pending: PendingSignIns,
    provider: Provider,
    callback: Mapping[str, str],
    browser: str,
    clock: Callable[[], float],
) -> Pending:
    found = pending.take(_digest(callback.get("state", "")))
    if found is None or found.provider != provider.name or clock() >= found.expires_at:
        raise refused("it is unknown, was finished before, or took too long")
    if not hmac.compare_digest(found.browser_digest, _digest(browser)):
        raise refused("it was begun in another browser")
    if found.redirect_uri != provider.redirect_uri:
        raise refused("the settings changed meanwhile")
    return found


def _exchange(fetcher: Fetcher, provider: Provider, url: str, code: str, found: Pending) -> dict[str, Any]:
    """Exchange the code for tokens, with the secret in the header (RFC 6749, section 2.3.1) and the verifier."""
    headers: dict[str, str] = {}
    client = _Client(quote_plus(provider.client_id), quote_plus(provider.client_secret))
    encode_client_secret_basic(client, "POST", url, headers, "")
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": found.redirect_uri,
        "code_verifier": found.verifier,
    }
    answer = post_form(fetcher, url, fields, headers)
    if answer.status != 200:
        raise refused(f"the provider does not take the code ({answer.status}{_error_of(answer)})")
    said = read_json(answer)
    if not isinstance(said.get("id_token"), str) or str(said.get("token_type", "")).lower() != "bearer":
        raise refused("the provider gives no ID token")
    return said


@dataclass(frozen=True)
class _Client:
    client_id: str
    client_secret: str = field(repr=False)


def _error_of(answer: Fetched) -> str:
    """Return the provider's error code, if it is one of those that the standards spell."""
    try:
        code = json.loads(answer.body)["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return f", {code}" if isinstance(code, str) and code.isascii() and code.replace("_", "").isalnum() else ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
