"""Every noun of the API, in the order in which paths are looked at."""

from __future__ import annotations

from engram.server.routes import (
    artifacts,
    attempts,
    audit,
    catalogue,
    datasets,
    deployments,
    filters,
    health,
    home,
    keys,
    ledger,
    live,
    models,
    modulation,
    monitoring,
    oauth,
    pages,
    roles,
    runs,
    settings,
    sign_ins,
    templates,
    uploads,
    users,
)
from engram.server.routes.openai import chat, completions, embeddings, fine_tuning
from engram.server.routes.openai import files as openai_files
from engram.server.routes.openai import models as openai_models

OPENAI = (openai_models, chat, completions, embeddings, openai_files, fine_tuning)
ROUTERS = (
    health,
    sign_ins,
    keys,
    catalogue,
    runs,
    attempts,
    artifacts,
    deployments,
    ledger,
    uploads,
    datasets,
    templates,
    pages,
    models,
    modulation,
    *OPENAI,
    monitoring,
    live,
    users,
    roles,
    settings,
    audit,
    oauth,
    filters,
    home,
)
