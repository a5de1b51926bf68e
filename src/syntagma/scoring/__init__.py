"""A model from outside against the exact oracle: `score`, and learning curves of scores."""

from syntagma.scoring.array import score_array
from syntagma.scoring.curve import curve_of
from syntagma.scoring.score import score
from syntagma.scoring.values import Distance, PositionScore, Score

__all__ = ["Distance", "PositionScore", "Score", "curve_of", "score", "score_array"]
