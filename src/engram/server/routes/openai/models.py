"""/v1/models: the deployments that the caller sees, as models; and which of them can do what is asked."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path

from engram.errors import UsageError
from engram.schema.card import TextOut
from engram.server.access import Here, Who
from engram.server.route import Router
from engram.server.tasks import task_of
from engram.store.pages import MOST, Ask
from engram.store.records import deployments
from engram.store.records.deployments import Deployment

router = Router(prefix="/v1/models", tags=["openai"])
Model = Annotated[str, Path(max_length=64)]


@router.get("", operation_id="openai.models.list")
def models(who: Who, here: Here) -> dict[str, Any]:
    """List the deployments that the caller sees, newest first; there is one page, as clients expect."""
    found: list[Deployment] = []
    after: str | None = None
    with here.db.read() as tx:
        while len(found) < 10 * MOST:
            page = deployments.list_deployments(tx, Ask(who.visible_to, after, MOST, equal={"state": "serving"}))
            found, after = [*found, *page.items], page.next
            if after is None:
                break
    return {"object": "list", "data": [shown(one) for one in found]}


@router.get("/{model}", operation_id="openai.models.read")
def model(model: Model, who: Who, here: Here) -> dict[str, Any]:
    """Return one deployment."""
    return shown(find(here, who, model))


def find(here: Here, who: Who, name: str) -> Deployment:
    """Return the deployment that a request names as its model; raises NotFound as if there were none otherwise."""
    with here.db.read() as tx:
        found = deployments.find_deployment(tx, name)
    return who.touch(found, f"model {name!r}")


def find_writer(here: Here, who: Who, name: str) -> Deployment:
    """Return a deployment that writes text.

    Raises UsageError, which says what the model can do, for one that does something else.
    """
    found = find(here, who, name)
    if not isinstance(task_of(here, found.artifact).predict_out, TextOut):
        raise cannot(here, found, "write text")
    return found


def cannot(here: Here, found: Deployment, what: str) -> UsageError:
    """Return the error for a deployment that can't do what is asked, with what it can."""
    title = task_of(here, found.artifact).title.lower()
    remedy = f"It answers at POST /api/v1/deployments/{found.name}/predict."
    return UsageError(f"The model {found.name!r} can't {what}: its task is {title}.", remedy=remedy)


def shown(one: Deployment) -> dict[str, Any]:
    """Return a deployment as a model."""
    return {"id": one.name, "object": "model", "created": one.created // 1_000_000, "owned_by": one.owner}
