"""Access tokens: JWTs (RFC 7519) of 15 minutes, signed with Ed25519 (EdDSA; RFC 8037, named as RFC 9864 asks)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry, extract_compact
from joserfc.jwt import JWTClaimsRegistry

from engram.errors import NotSignedIn
from engram.security.principal import Principal
from engram.security.signing_keys import SigningKeys

ACCESS_SECONDS = 15 * 60
ALGORITHM = "Ed25519"
TYPE = "JWT"
MAX_CHARACTERS = 2048
# Three parts of base64url, nothing else: checked before anything is decoded.
SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
CLAIMS = frozenset({"iss", "aud", "sub", "role", "sid", "jti", "iat", "nbf", "exp", "mcp"})
_REGISTRY = JWSRegistry(algorithms=[ALGORITHM])


@dataclass(frozen=True)
class TokenIssuer:
    """What makes and checks the tokens of one server; `issuer` and `audience` are its own address.

    clock: seconds since 1970.
    is_revoked: tells whether the family of refresh tokens (`sid`) was signed out; asked at every use.
    """

    keys: SigningKeys
    issuer: str
    audience: str
    clock: Callable[[], float]
    is_revoked: Callable[[str], bool]


@dataclass(frozen=True)
class AccessToken:
    """What a good token says. Times are seconds since 1970; `sid` is the family of refresh tokens it came from."""

    user: str
    role: str
    sid: str
    jti: str
    expires_at: int
    must_change_password: bool = False

    @property
    def principal(self) -> Principal:
        """Return who asks; whoever looks the user up replaces the role by her present one."""
        return Principal(self.user, self.role, must_change_password=self.must_change_password)


def make_access_token(
    issuer: TokenIssuer, user: str, role: str, sid: str, *, must_change_password: bool = False
) -> tuple[str, AccessToken]:
    """Return a signed token for a user, good for 15 minutes, and what it says."""
    now = int(issuer.clock())
    said = AccessToken(user, role, sid, secrets.token_urlsafe(16), now + ACCESS_SECONDS, must_change_password)
    claims = {
        "iss": issuer.issuer,
        "aud": issuer.audience,
        "sub": user,
        "role": role,
        "sid": sid,
        "jti": said.jti,
        "iat": now,
        "nbf": now,
        "exp": said.expires_at,
        "mcp": must_change_password,
    }
    header = {"alg": ALGORITHM, "typ": TYPE, "kid": issuer.keys.kid}
    return jwt.encode(header, claims, issuer.keys.current, registry=_REGISTRY), said


def verify_access_token(issuer: TokenIssuer, token: str) -> AccessToken:
    """Return what a token says.

    Raises NotSignedIn, always in the same words, for anything but a token of exactly our shape that one of our keys
    signed for this issuer and audience, that is in its time, and whose family is not signed out. The key is chosen by
    `kid` among Ed25519 keys only, so neither ``none`` nor an HMAC with the public key can count.
    """
    try:
        claims = _checked(issuer, token)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise _refused() from error
    if issuer.is_revoked(claims["sid"]):
        raise _refused()
    return AccessToken(
        claims["sub"], claims["role"], claims["sid"], claims["jti"], claims["exp"], must_change_password=claims["mcp"]
    )


def _checked(issuer: TokenIssuer, token: str) -> dict[str, Any]:
    if len(token) > MAX_CHARACTERS or not SHAPE.fullmatch(token):
        raise ValueError("not three parts of base64url")
    # The header is read before it is verified, but only to find the key; any other header is refused.
    header = extract_compact(token.encode(), registry=_REGISTRY).headers()
    if set(header) != {"alg", "typ", "kid"} or header["alg"] != ALGORITHM or header["typ"] != TYPE:
        raise ValueError("another header than ours")
    now = int(issuer.clock())
    key = issuer.keys.find(str(header["kid"]), now)
    if key is None:
        raise ValueError("an unknown key")
    claims: dict[str, Any] = jwt.decode(token, key, registry=_REGISTRY).claims
    if set(claims) != CLAIMS or not isinstance(claims["mcp"], bool) or not _whole(claims):
        raise ValueError("other claims than ours")
    _rules(issuer, now).validate(claims)
    if not 0 < claims["exp"] - claims["iat"] <= ACCESS_SECONDS:
        raise ValueError("good for longer than we make any")
    return claims


def _rules(issuer: TokenIssuer, now: int) -> JWTClaimsRegistry:
    # That all claims are there was seen before; the registry compares these and the three times.
    return JWTClaimsRegistry(now=now, iss={"value": issuer.issuer}, aud={"value": issuer.audience})


def _whole(claims: dict[str, Any]) -> bool:
    """Tell whether texts are texts and times whole numbers; one audience, not a list."""
    texts = all(isinstance(claims[name], str) and claims[name] for name in ("iss", "aud", "sub", "role", "sid", "jti"))
    return texts and all(type(claims[name]) is int for name in ("iat", "nbf", "exp"))


def _refused() -> NotSignedIn:
    return NotSignedIn("The access token does not count.", remedy="Sign in again.")
