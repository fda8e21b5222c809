"""`engram deploy` and `engram rollback`: which artifact answers under a name, on the server of this home."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engram.cli import output

Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the deployment's history.")]


def deploy(
    artifact: Annotated[str, typer.Argument(help="An artifact (digest), a run that published one, or 'last'.")],
    name: Annotated[str, typer.Option("--as", help="The name: lower-case letters, digits and '-'.")],
    reason: Reason = "",
    advisory: Annotated[
        bool, typer.Option("--advisory", help="Deploy also what does not bear its load test (Admins only).")
    ] = False,
) -> int:
    """Let an artifact answer under a name: a new one, or in place of the artifact that answers now."""
    from engram.cli.served import need_client
    from engram.errors import NotFound
    from engram.settings import load_settings

    home = load_settings().home
    client = need_client(home, "A deployment")
    digest, simulate = digest_of(home, artifact), "advisory" if advisory else "enforced"
    try:
        version = client.deployments.get(name)["version"]
    except NotFound:
        made = client.deployments.create(name, digest, simulate=simulate)
    else:
        made = client.deployments.promote(name, digest, version=version, reason=reason, simulate=simulate)
    output.emit(made, f"{name} answers with {digest} (version {made['version']}).", f"Ask it: engram predict {name} …")
    return 0


def rollback(name: Annotated[str, typer.Argument(help="A deployment.")], reason: Reason = "") -> int:
    """Let the artifact answer that answered under a name before the present one."""
    from engram.cli.served import need_client
    from engram.settings import load_settings

    client = need_client(load_settings().home, "A rollback")
    made = client.deployments.rollback(name, reason=reason)
    output.emit(made, f"{name} answers with {made['artifact']} again (version {made['version']}).")
    return 0


def digest_of(home: Path, name: str) -> str:
    """Return the digest of an artifact that is named by digest, by its beginning, or by the run that published it.

    Raises NotFound when there is none.
    """
    from engram.cli.predict import artifact_of

    return "sha256:" + artifact_of(home, name).name
