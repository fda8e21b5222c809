"""Every setting that people change while the server runs: its name, its default, its bounds, and what it is for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engram.errors import UnknownName, UsageError
from engram.security.limits import ALL, DEFAULT_BUDGETS, parse_budgets
from engram.server.oauth_providers import read_providers
from engram.server.settings_rows import Row, block, text, texts, whole

GIB = 2**30
HUB_PATTERN = r"[A-Za-z0-9*][\w.*-]*(/[\w.*-]+)?(@[\w.*-]+)?"


def _budget(said: str) -> str:
    parse_budgets({ALL: said})
    return said


def _budgets(said: Mapping[str, Any]) -> dict[str, str]:
    for name, value in said.items():
        if name == ALL or not isinstance(value, str):
            raise UsageError(
                f"A budget is an operation and a text, not {name!r}: {str(value)[:40]!r}.",
                remedy="'runs.create': '60/minute'; what one user may do in all is limits.per_user.",
            )
    parse_budgets({ALL: DEFAULT_BUDGETS[ALL], **said})
    return dict(said)


ROWS: Mapping[str, Row] = {
    row.name: row
    for row in (
        whole("train.max_seq_length", 8192, 16, 2**20, "tokens",
              "The longest context window that a run may train with (train.max_seq_length of its recipe)."),
        whole("train.max_tokens_per_batch", 2**18, 16, 2**26, "tokens",
              "The most tokens that a run may put in one batch (train.tokens_per_batch of its recipe)."),
        whole("predict.max_input_tokens", 8192, 1, 2**20, "tokens", "The most tokens of one input of a prediction."),
        whole("predict.max_new_tokens", 1024, 1, 2**20, "tokens",
              "The most tokens that a model writes for one answer, when it serves and when it is evaluated."),
        text("limits.per_user", DEFAULT_BUDGETS[ALL], _budget, "What one user may ask in all, as 1200/minute."),
        block("limits.per_operation", {name: said for name, said in DEFAULT_BUDGETS.items() if name != ALL}, _budgets,
              "What one user may ask of an operation, as {'runs.create': '60/minute'}; others keep their defaults."),
        whole("quota.user_bytes", 20 * GIB, 0, 2**50, "bytes", "What datasets and uploads of one user may take."),
        whole("quota.home_bytes", 200 * GIB, 0, 2**50, "bytes", "What datasets and uploads of everybody may take."),
        texts("policy.hub", ("*",), HUB_PATTERN, "org/*",
              "Which hub repositories runs may use, as org/name or org/name@revision; * stands for anything."),
        texts("policy.remote_code", (), HUB_PATTERN, "", most=0,
              help="Code that lies in a model's repository is never run here."),
        texts("policy.plugins", ("*",), r"[A-Za-z0-9*][\w.*-]*", "engram-audio",
              "Which of the plugins that ENGRAM_PLUGINS names may be used by runs; * stands for any."),
        texts("server.hosts", (), r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]+\]", "engram.example.org",
              "Names under which browsers and programs may call this server, beside its own address and localhost."),
        whole("audit.keep_days", 0, 0, 36500, "days", "How long the audit is kept; 0 keeps all of it."),
        block("oauth.providers", {}, read_providers,
              "Providers of sign-ins by name: issuer, client_id, redirect_uri, roles, role_claim, default_role, "
              "scopes. The client secret stands in ENGRAM_OAUTH_<NAME>_SECRET or in keys/oauth-<name>.secret."),
    )
}  # fmt: skip


def row_of(name: str) -> Row:
    """Return a setting's row; raises UnknownName with the known ones."""
    if name not in ROWS:
        raise UnknownName.of("setting", name, ROWS)
    return ROWS[name]


def budgets_of(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the budgets in force for what is set; what is not set has its default.

    >>> budgets_of({"limits.per_operation": {"runs.create": "1/minute"}})["runs.create"]
    '1/minute'
    """
    per_user = values.get("limits.per_user", DEFAULT_BUDGETS[ALL])
    return {**DEFAULT_BUDGETS, **values.get("limits.per_operation", {}), ALL: per_user}
