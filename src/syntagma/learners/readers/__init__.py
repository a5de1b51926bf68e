"""Readers: learners without weights, which say what a learning curve's numbers mean."""

from syntagma.learners.readers.clusterer import Clusterer
from syntagma.learners.readers.counter import Counter

__all__ = ["Clusterer", "Counter"]
