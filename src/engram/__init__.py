"""Engram trains specialist models, admits those that pass their gates, and certifies each one."""

__version__ = "0.1.0"
