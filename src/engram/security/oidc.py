"""OpenID Connect: what a provider says of itself, and whether an ID token is from it, for us, and of now."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import get_well_known_url
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from engram.errors import NotSignedIn
from engram.security.fetch import Fetched, Fetcher, check_url, get

# Asymmetric ones only: with HMAC the client's secret could sign, and `none` signs nothing.
ALGORITHMS = ("RS256", "PS256", "ES256", "Ed25519", "EdDSA")
LEEWAY_SECONDS = 60
MAX_AGE_SECONDS = 600


@dataclass(frozen=True)
class Metadata:
    """What a provider says of itself (OpenID Connect Discovery 1.0): its issuer, and where to ask for what."""

    issuer: str
    authorization: str
    token: str
    jwks: str
    says_issuer: bool  # it puts its issuer in the callback (RFC 9207)


def discover(fetcher: Fetcher, issuer: str) -> Metadata:
    """Ask a provider for its metadata.

    Raises UnsafeAddress for an address that is not to be asked, and NotSignedIn when the answer is not that of this
    very issuer, lacks something, or leads to what is neither https nor, where allowed, loopback.
    """
    check_url(issuer, allow_loopback=fetcher.allow_loopback)
    said = read_json(get(fetcher, get_well_known_url(issuer.rstrip("/"), external=True)))
    if said.get("issuer") != issuer:
        raise refused(f"the provider {issuer} says that it is {str(said.get('issuer'))[:80]!r}")
    found = {}
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        url = said.get(name)
        if not isinstance(url, str):
            raise refused(f"the provider {issuer} does not say its {name}")
        check_url(url, allow_loopback=fetcher.allow_loopback)
        found[name] = url
    methods = said.get("code_challenge_methods_supported")
    if isinstance(methods, list) and "S256" not in methods:
        raise refused(f"the provider {issuer} does not do PKCE with S256")
    return Metadata(
        issuer,
        found["authorization_endpoint"],
        found["token_endpoint"],
        found["jwks_uri"],
        said.get("authorization_response_iss_parameter_supported") is True,
    )


def check_id_token(
    fetcher: Fetcher,
    metadata: Metadata,
    token: str,
    *,
    client_id: str,
    nonce: str,
    access_token: str,
    clock: Callable[[], float],
) -> Mapping[str, Any]:
    """Return the claims of an ID token (OpenID Connect Core 1.0, section 3.1.3.7).

    The provider's keys are asked for at each sign-in, so a rotated key is known at once. Raises NotSignedIn unless the
    token is signed by one of them with an asymmetric algorithm, has this issuer and audience, our nonce, the hash of
    the access token if it has any, is in its time and not older than ten minutes. One minute of drift is allowed.
    """
    now = int(clock())
    try:
        keys = KeySet.import_key_set(_signing_only(read_json(get(fetcher, metadata.jwks))))
        decoded = jwt.decode(token, keys, registry=JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False))
        options = {"iss": {"value": metadata.issuer}, "aud": {"value": client_id}}
        params = {"client_id": client_id, "nonce": nonce, "access_token": access_token}
        claims = CodeIDToken(decoded.claims, decoded.header, options, params)
        claims.validate(now=now, leeway=LEEWAY_SECONDS)
        audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        if audience != [client_id]:
            raise ValueError("it is also meant for somebody else")
        if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255:
            raise ValueError("its subject is none")
        if now - claims["iat"] > MAX_AGE_SECONDS + LEEWAY_SECONDS:
            raise ValueError("it is too old")
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise refused(f"the provider's ID token does not count: {type(error).__name__}: {error}") from error
    return dict(claims)


def read_json(answer: Fetched) -> dict[str, Any]:
    """Return the JSON object of an answer.

    Raises NotSignedIn for another status than 200 and for what is no object.
    """
    if answer.status != 200:
        raise refused(f"the provider answers {answer.status} at {answer.url.split('?')[0]}")
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise refused("the provider's answer is no JSON") from error
    if not isinstance(said, dict):
        raise refused("the provider's answer is no object")
    return said


def refused(why: str) -> NotSignedIn:
    """Return the refusal of a sign-in through a provider; `why` is for the log and holds no secret."""
    return NotSignedIn(f"The sign-in did not succeed: {why}.", remedy="Begin again.")


def _signing_only(said: Mapping[str, Any]) -> Any:
    """Return the provider's public keys that are for signatures; a symmetric one among them is left out."""
    keys = said.get("keys")
    if not isinstance(keys, list):
        raise ValueError("the provider has no keys")
    kept = [key for key in keys if isinstance(key, dict) and key.get("kty") in ("RSA", "EC", "OKP")]
    kept = [key for key in kept if key.get("use", "sig") == "sig"]
    if not kept:
        raise ValueError("the provider has no key for signatures")
    return {"keys": kept}
