"""What a request leaves in the audit: whatever changes something, and whatever was refused to somebody we know."""

from __future__ import annotations

from fastapi import Request

from engram.security.audit import AuditDraft, Result
from engram.security.operations import OPERATIONS
from engram.security.principal import ANONYMOUS
from engram.server.access import Caller
from engram.server.cookies import SAFE

# These write their own line, which knows more: before there is a user, or with the reason of a refusal.
BY_THEMSELVES = frozenset({"sessions.sign_in", "sessions.refresh", "users.change_password", "oauth.callback"})
# Asked with a body, but they change nothing, or are a piece of what is begun and finished by lines of its own.
CHANGE_NOTHING = frozenset(
    {
        "attempts.events", "attempts.lease", "models.metrics", "modulation.metrics", "uploads.write",
        "recipes.validate", "filters.test", "alerts.test", "deployments.predict", "deployments.predict_file",
        "deployments.stream",
        "openai.chat.completions", "openai.completions", "openai.embeddings", "openai.audio.speech",
        "openai.audio.transcriptions",
    }
)  # fmt: skip
REFUSED, HIDDEN, THROTTLED = (401, 403), 404, 429


def line_of(request: Request, status: int) -> AuditDraft | None:
    """Return the line for a request and the status of its answer; None for one that leaves none.

    Bodies are never in it; a route may put what belongs there in `Caller.said`, a subject that it made among it.
    """
    caller: Caller | None = getattr(request.state, "caller", None)
    if caller is None or caller.principal.role == ANONYMOUS or status == THROTTLED:
        return None
    row = OPERATIONS.get(caller.operation)
    refused = status in REFUSED or (status == HIDDEN and row is not None and row.on_object)
    quiet = request.method in SAFE or caller.operation in CHANGE_NOTHING
    if caller.operation in BY_THEMSELVES or (quiet and not refused):
        return None
    said = dict(caller.said)
    result: Result = "refused" if refused else "allowed" if status < 400 else "failed"
    return AuditDraft(
        user=caller.principal.user,
        operation=caller.operation,
        result=result,
        subject=str(said.pop("subject", caller.subject)),
        reason="" if result == "allowed" else str(status),
        via=caller.via,
        request=str(request.state.id),
        address=caller.address,
        detail=said,
    )
