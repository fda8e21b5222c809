"""Fine-tunings whose run was admitted: their artifacts are deployed under the names that were promised."""

from __future__ import annotations

from engram.errors import EngramError, ServerAway
from engram.server.admission import Admitted, let_through
from engram.server.changing import entered
from engram.server.platform import Platform
from engram.store.records import artifacts, deployments, fine_tunings
from engram.store.records.fine_tunings import FineTuning


def deploy_published(here: Platform) -> None:
    """Deploy what fine-tunings have published and nobody has deployed yet; safe to ask again after a crash.

    An artifact bears its load test before it answers, as any other. One that can't be deployed fails its fine-tuning,
    with the reason; its certificate stays.

    Raises ServerAway while there is no core: it is asked again at the next beat.
    """
    with here.db.read() as tx:
        found = fine_tunings.published(tx)
    for one, run in found:
        try:
            with here.db.read() as tx:
                artifact = artifacts.get_artifact(tx, run.artifact)
            _deploy(here, one, let_through(here, artifact))
        except ServerAway:
            raise
        except EngramError as error:
            with here.db.write() as tx:
                fine_tunings.settle(tx, one.id, "failed", str(error))


def _deploy(here: Platform, one: FineTuning, admitted: Admitted) -> None:
    why = f"fine-tuning {one.id}"
    with here.writing, here.db.write() as tx:
        made = deployments.create_deployment(
            tx, name=one.name, owner=one.owner, artifact=admitted.artifact.digest, actor=one.owner, reason=why
        )
        fine_tunings.settle(tx, one.id, "deployed")
        entered(here, made, one.owner, admitted.evidence)
