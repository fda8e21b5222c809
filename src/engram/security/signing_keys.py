"""The keys that sign access tokens: Ed25519, in `keys/tokens.json` (0600), one that signs and those that only verify.

One file, replaced whole, so that a crash during a rotation leaves the old set or the new one. A rotated key keeps its
public half until the last token that it signed has expired.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from engram.errors import VerificationFailed
from engram.files import canonical_json, read_private, write_private

FILE = "tokens.json"
FORMAT = "engram.token-keys/1"
CURVE: Final = "Ed25519"


@dataclass(frozen=True)
class Retired:
    """A public key that signs no more; its tokens count until `until` (seconds since 1970)."""

    public: OKPKey
    until: int


@dataclass(frozen=True)
class SigningKeys:
    """The key that signs now, and the retired ones by their kid (RFC 7638 thumbprint)."""

    current: OKPKey = field(repr=False)
    retired: Mapping[str, Retired]

    @property
    def kid(self) -> str:
        """Return the kid of the key that signs."""
        return kid_of(self.current)

    def find(self, kid: str, now: int) -> OKPKey | None:
        """Return the public key of a kid, or None when it is unknown or was retired too long ago."""
        if kid == self.kid:
            return self.current
        retired = self.retired.get(kid)
        return retired.public if retired and now < retired.until else None


def kid_of(key: OKPKey) -> str:
    """Return a key's id: its RFC 7638 thumbprint."""
    return str(key.thumbprint())


def load_or_create_signing_keys(keys_folder: Path) -> SigningKeys:
    """Load the keys of the home, or make them at the first start.

    Raises VerificationFailed when the file is damaged or others can read it. A lost file costs nothing but that
    everybody signs in again, so a new one is made.
    """
    path = keys_folder / FILE
    if not path.exists():
        made = SigningKeys(_generate(), {})
        _write(path, made)
        return made
    return _read(path)


def rotate_signing_keys(keys_folder: Path, clock: Callable[[], float], *, token_seconds: int) -> SigningKeys:
    """Sign with a new key from now on; tokens of the old one still count until they have expired."""
    old = load_or_create_signing_keys(keys_folder)
    now = int(clock())
    retired = {kid: key for kid, key in old.retired.items() if now < key.until}
    public = OKPKey.import_key({**_strings(old.current.as_dict(private=False))})
    made = SigningKeys(_generate(), {**retired, old.kid: Retired(public, now + token_seconds)})
    _write(keys_folder / FILE, made)
    return made


def _generate() -> OKPKey:
    return OKPKey.generate_key(CURVE, private=True)


def _write(path: Path, keys: SigningKeys) -> None:
    said = {
        "format": FORMAT,
        "current": _strings(keys.current.as_dict(private=True)),
        "retired": [
            {"key": _strings(key.public.as_dict(private=False)), "until": key.until} for key in keys.retired.values()
        ],
    }
    write_private(path, canonical_json(said))


def _read(path: Path) -> SigningKeys:
    try:
        said = json.loads(read_private(path))
        if said["format"] != FORMAT:
            raise ValueError(f"its format is {said['format']!r}, expected {FORMAT!r}")
        current = _import(said["current"], private=True)
        retired = [Retired(_import(each["key"], private=False), int(each["until"])) for each in said["retired"]]
    except (ValueError, KeyError, TypeError, JoseError) as error:
        raise VerificationFailed(
            f"{path} does not hold the keys of access tokens: {error}.",
            remedy="Restore it from a backup, or remove it: a new one is made, and everybody signs in again.",
        ) from error
    return SigningKeys(current, {kid_of(key.public): key for key in retired})


def _import(said: Any, *, private: bool) -> OKPKey:
    key = OKPKey.import_key(said)
    if key.curve_name != CURVE or key.is_private != private:
        raise ValueError(f"expected {'a private' if private else 'a public'} {CURVE} key")
    return key


def _strings(said: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(said[name]) for name in ("kty", "crv", "x", "d") if name in said}
