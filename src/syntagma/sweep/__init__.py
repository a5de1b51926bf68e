"""Runs and where their results are kept."""

from syntagma.sweep.environment import environment
from syntagma.sweep.identity import run_id
from syntagma.sweep.store import Store

__all__ = ["Store", "environment", "run_id"]
