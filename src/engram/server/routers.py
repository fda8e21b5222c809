"""Every noun of the API, in the order in which paths are looked at."""

from __future__ import annotations

from engram.server.routes import (
    artifacts,
    attempts,
    audit,
    canaries,
    catalogue,
    commands,
    comparing,
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
    reports,
    reviews,
    roles,
    run_recipe,
    runs,
    settings,
    sign_ins,
    templates,
    uploads,
    users,
    validating,
)
from engram.server.routes.openai import chat, completions, embeddings, fine_tuning, speech
from engram.server.routes.openai import files as openai_files
from engram.server.routes.openai import models as openai_models
from engram.server.routes.openai import transcriptions as openai_transcriptions

OPENAI = (openai_models, chat, completions, embeddings, openai_files, fine_tuning, openai_transcriptions, speech)
ROUTERS = (
    health,
    sign_ins,
    keys,
    validating,  # before the catalogue: its path would be taken for a recipe's name
    catalogue,
    comparing,  # before runs: its path would be taken for a run's id
    runs,
    run_recipe,
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
    commands,
    reports,
    reviews,
    canaries,
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
