"""The rules that a home begins with (data): credentials are not let through, card numbers are noted."""

from __future__ import annotations

from engram.security.api_keys import ATTEMPT_KEY, USER_KEY

BUILT_IN: tuple[dict[str, str], ...] = (
    {"id": "secret.private-key", "pattern": r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----", "action": "block"},
    {
        "id": "secret.engram-key",
        "pattern": rf"\b(?:{USER_KEY}|{ATTEMPT_KEY})_[0-9a-z]{{12}}_[A-Za-z0-9_-]{{43}}",
        "action": "block",
    },
    {"id": "secret.cloud-key", "pattern": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b", "action": "block"},
    {
        "id": "number.card",
        "pattern": r"\b(?:4\d{3}|5[1-5]\d{2}|2[2-7]\d{2})(?:[ -]?\d{4}){3}\b|\b3[47]\d{2}[ -]?\d{6}[ -]?\d{5}\b",
        "action": "flag",
    },
)
