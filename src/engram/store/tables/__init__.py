"""The tables, all in one `METADATA`; a file of this folder holds those of one subject."""

from engram.store.tables.base import METADATA
from engram.store.tables.fine_tunings import fine_tunings
from engram.store.tables.house import audit, counters, filter_decisions, idempotency, leases, settings
from engram.store.tables.material import datasets, recipes, templates, uploads
from engram.store.tables.people import api_keys, logins, roles, users
from engram.store.tables.runs import attempts, events, points, reports, reviews, runs, verdicts
from engram.store.tables.serving import artifacts, deployment_history, deployments

__all__ = [
    "METADATA",
    "api_keys",
    "artifacts",
    "attempts",
    "audit",
    "counters",
    "datasets",
    "deployment_history",
    "deployments",
    "events",
    "filter_decisions",
    "fine_tunings",
    "idempotency",
    "leases",
    "logins",
    "points",
    "recipes",
    "reports",
    "reviews",
    "roles",
    "runs",
    "settings",
    "templates",
    "uploads",
    "users",
    "verdicts",
]
