"""Secrets out of texts before they are stored or shown: one function for the audit and for every log."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

HIDDEN = "[hidden]"
MAX_TEXT = 2000
MAX_DEPTH = 8
MAX_ITEMS = 100

# What is secret by the name of its field, wherever the field stands.
_NAMES = (
    r"pass(?:word|wd|phrase)?|pwd|secret|client_secret|token|access_token|refresh_token|id_token|api_?key|apikey|"
    r"access_key|secret_key|account_key|authorization|proxy_authorization|cookie|set_cookie|private_key|signing_key|credential|credentials|"
    r"code_verifier|assertion|signature|x_amz_signature|sig|kek|data_key"
)
_SECRET_NAME = re.compile(rf"(?:^|.*_)(?:{_NAMES})(?:(?<!token)s|_hash|_digest)?$")  # tokens are counted, too

# The same names as they stand in texts: behind up to three words, quoted or not, before ``=`` or ``:``.
_NAMED = re.compile(
    rf"(?i)([\"']?\b(?:[a-z0-9]{{1,20}}[_-]){{0,3}}(?:{_NAMES.replace('_', '[_-]')})[\"']?\s{{0,3}}[:=]\s{{0,3}})"
    r"(\"[^\"]*\"?|'[^']*'?|[^\s,;&}\"']+)"
)
_PEM = re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)", re.DOTALL)

# What is secret by its look. Every repeat is bounded or ends at a character that it can't hold, so none backtracks far.
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (_PEM, HIDDEN),
    # Our own keys keep their prefix, which names them and opens nothing.
    (re.compile(r"\b(eg[ka]_[0-9a-f]{12})_[A-Za-z0-9_-]{10,}"), rf"\1_{HIDDEN}"),
    (re.compile(r"\begr_[A-Za-z0-9_-]{10,}"), HIDDEN),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*){0,3}"), HIDDEN),
    (re.compile(r"\$argon2[a-z]{1,2}\$[^\s\"']*"), HIDDEN),
    (re.compile(r"(?i)\b((?:proxy-)?authorization[\"']?\s{0,3}[:=]\s{0,3}[\"']?)[^\r\n\"']+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)\b((?:set-)?cookie[\"']?\s{0,3}[:=]\s{0,3}[\"']?)[^\r\n\"']+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer|basic|digest)\s{1,3}[A-Za-z0-9._~+/=-]{6,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30}://)[^\s/?#\"']{1,1000}@"), rf"\1{HIDDEN}@"),
    (re.compile(r"\b(?:sk|pk|rk)-[A-Za-z0-9_-]{16,}|\bhf_[A-Za-z0-9]{16,}|\bgh[oprsu]_[A-Za-z0-9]{16,}"), HIDDEN),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), HIDDEN),
    (_NAMED, rf"\1{HIDDEN}"),
)


# What no pattern can touch: no capitals, no `:`, `=`, `-`, `/` and blanks, and before an underscore nothing but one
# letter, as in an id. Most of what is logged is of this shape.
_PLAIN = re.compile(rf"(?:[a-z]_)?[a-z0-9.]{{0,{MAX_TEXT - 2}}}")


def redact(value: Any, *, _depth: int = 0) -> Any:
    """Return a value of JSON's kinds without the secrets in it; what is no JSON becomes its text, redacted.

    Fields with a secret's name lose their value; texts lose what looks like a secret, control characters and what is
    beyond 2000 characters.

    >>> redact({"user": "ada", "password": "hunter2", "note": "Authorization: Bearer abcdef123456"})
    {'user': 'ada', 'password': '[hidden]', 'note': 'Authorization: [hidden]'}
    >>> redact("https://ada:hunter2@example.org/x?api_key=123&page=2")
    'https://[hidden]@example.org/x?api_key=[hidden]&page=2'
    """
    if value is None or isinstance(value, bool | int | float):
        return value
    if _depth >= MAX_DEPTH:
        return "[too deep]"
    if isinstance(value, Mapping):
        return {
            redact_text(str(name)): HIDDEN if is_secret_name(str(name)) and each is not None else _next(each, _depth)
            for name, each in list(value.items())[:MAX_ITEMS]
        }
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str | bytes | bytearray):
        return [_next(each, _depth) for each in list(value)[:MAX_ITEMS]]
    return redact_text("[bytes]" if isinstance(value, bytes | bytearray) else str(value))


def redact_text(text: str) -> str:
    """Return a text without secrets, on one line, at most 2000 characters.

    >>> redact_text("made egk_0123456789ab_aGVsbG8gd29ybGQhIQ for ada")
    'made egk_0123456789ab_[hidden] for ada'
    """
    if _PLAIN.fullmatch(text):
        return text
    # Cut before the patterns run, with room for a secret that would begin inside and end outside.
    said = text[: 4 * MAX_TEXT]
    for pattern, instead in _PATTERNS:
        said = pattern.sub(instead, said)
    if not said.isprintable():
        said = "".join(char if char.isprintable() else repr(char)[1:-1] for char in said)
    return said if len(said) <= MAX_TEXT else said[:MAX_TEXT] + "…"


def is_secret_name(name: str) -> bool:
    """Tell whether a field of this name holds a secret.

    >>> [is_secret_name(name) for name in ("X-Api-Key", "new_password", "userToken", "tokens_per_second")]
    [True, True, True, False]
    """
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().replace("-", "_").strip("_ ")
    return _SECRET_NAME.fullmatch(snake) is not None


def _next(value: Any, depth: int) -> Any:
    return redact(value, _depth=depth + 1)
