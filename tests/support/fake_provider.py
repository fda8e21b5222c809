"""A provider of OpenID Connect on this machine, that does what it should unless a test makes it lie."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlsplit

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core.util import create_half_hash
from joserfc import jwt
from joserfc.jwk import ECKey
from support.loopback import serve

CLIENT, SECRET = "engram", "s3cret/with+signs:"


@dataclass
class FakeProvider:
    """Its own key and clock, the codes it gave, and how it lies: changes to what it says."""

    clock: Callable[[], float]
    url: str = ""
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"use": "sig"}, auto_kid=True))
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    answer: dict[str, Any] = field(default_factory=dict)
    keys: list[dict[str, Any]] | None = None
    header: dict[str, Any] = field(default_factory=dict)
    sign_with: Any = None
    requests: list[str] = field(default_factory=list)

    def authorise(self, url: str) -> dict[str, str]:
        """Do what the browser and the user do at the provider; return the callback's query."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return {"code": code, "state": asked["state"]}

    def respond(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, dict, bytes]:
        self.requests.append(f"{method} {path}")
        if path == "/.well-known/openid-configuration":
            return self._json(self._metadata())
        if path == "/jwks":
            return self._json({"keys": [self.key.as_dict(private=False)] if self.keys is None else self.keys})
        if path == "/token" and method == "POST":
            return self._token(headers, body)
        return 404, {}, b"{}"

    def _metadata(self) -> dict[str, Any]:
        said = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorise",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "code_challenge_methods_supported": ["S256"],
        }
        return {name: value for name, value in (said | self.metadata).items() if value is not None}

    def _token(self, headers: Mapping[str, str], body: bytes) -> tuple[int, dict, bytes]:
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        user, _, secret = base64.b64decode(headers["Authorization"].removeprefix("Basic ")).decode().partition(":")
        asked = self.codes.pop(form.get("code", ""), None)
        good = (
            asked is not None
            and (unquote_plus(user), unquote_plus(secret)) == (CLIENT, SECRET)
            and form.get("grant_type") == "authorization_code"
            and form.get("redirect_uri") == asked["redirect_uri"]
            and asked["code_challenge_method"] == "S256"
            and create_s256_code_challenge(form.get("code_verifier", "")) == asked["code_challenge"]
        )
        if not good or asked is None:
            return self._json({"error": "invalid_grant"}, 400)
        said = {"access_token": "at-1", "token_type": "Bearer", "id_token": self.id_token(asked)}
        return self._json({name: value for name, value in (said | self.answer).items() if value is not None})

    def id_token(self, asked: Mapping[str, str]) -> str:
        now = int(self.clock())
        claims = {
            "iss": self.url,
            "aud": asked["client_id"],
            "sub": "subject-1",
            "nonce": asked["nonce"],
            "iat": now,
            "exp": now + 300,
            "at_hash": create_half_hash("at-1", "ES256").decode(),
            "preferred_username": "ada",
            "email": "ada@example.org",
            "email_verified": True,
            "groups": ["staff"],
        }
        claims = {name: value for name, value in (claims | self.claims).items() if value is not None}
        header = {"alg": "ES256", "kid": self.key.kid} | self.header
        return jwt.encode(header, claims, self.sign_with or self.key, algorithms=[header["alg"]])

    @staticmethod
    def _json(said: Any, status: int = 200) -> tuple[int, dict, bytes]:
        return status, {"Content-Type": "application/json"}, json.dumps(said).encode()


@contextmanager
def fake_provider(clock: Callable[[], float]) -> Iterator[FakeProvider]:
    """Serve a provider on a free port of loopback."""
    provider = FakeProvider(clock)
    with serve(provider.respond) as url:
        provider.url = url
        yield provider
