"""A learning curve that grows until every seed has crossed its last threshold."""

from __future__ import annotations

import numpy as np

from syntagma.curves import LearningCurve, crossed
from syntagma.studies.scaling_laws.settings import ScalingLaws
from syntagma.sweep.runs import Run
from syntagma.theory import hierarchy as theory


class Growing:
    """The curve of one learner at one m: the losses so far, and which runs come next."""

    def __init__(self, settings: ScalingLaws, rules: int, contender: str, plateaus: np.ndarray) -> None:
        self.settings, self.rules, self.contender, self.plateaus = settings, rules, contender, plateaus
        most = settings.learners[contender].max_examples or settings.max_examples
        self.sizes = [size for size in settings.sizes(rules) if size <= most]
        self.losses = np.full((settings.seeds, len(self.sizes)), np.nan)
        self.runs: dict[str, tuple[int, int]] = {}

    def wanted(self) -> list[Run]:
        """The runs missing at the first incomplete size, unless the curve has gone far enough."""
        for i in range(self.last() + 1):
            missing = np.flatnonzero(np.isnan(self.losses[:, i]))
            if len(missing):
                return [self._run(int(seed), i) for seed in missing]
        return []

    def take(self, run: Run, loss: float) -> None:
        """Put in the loss of a run that this curve asked for; other runs are none of its business."""
        if run.id() in self.runs:
            self.losses[self.runs[run.id()]] = loss

    def _run(self, seed: int, i: int) -> Run:
        run = self.settings.run(self.rules, self.contender, self.sizes[i], seed)
        self.runs[run.id()] = (seed, i)
        return run

    def last(self) -> int:
        """Index of the largest size wanted, as far as is known."""
        complete = int(np.argmax(np.isnan(self.losses).any(axis=0))) if np.isnan(self.losses).any() else len(self.sizes)
        for i in range(complete):
            if self._crossed(i + 1):
                return min(i + self.settings.beyond, len(self.sizes) - 1)
        return min(complete, len(self.sizes) - 1)

    def share_done(self) -> float:
        """Fraction of the steps up to where the curve should end, 8 times the last threshold without sharing."""
        if not self.wanted():
            return 1.0
        s, training = self.settings, self.settings.learners[self.contender].training
        goal = 8 * theory.thresholds(s.vocab, self.rules, s.branching, s.levels, False)[-1]
        expected = [size for size in self.sizes if size <= goal] or self.sizes[:1]
        steps = np.array([training.length(size) if training else size for size in expected], float)
        known = 1 - np.isnan(self.losses[:, : len(expected)]).mean(axis=0)
        return min(float(steps @ known / steps.sum()), 0.95)

    def _crossed(self, count: int) -> bool:
        """Whether every seed alone has crossed its last level's line: then all resamples of seeds have, too."""
        sizes = np.array(self.sizes[:count], float)
        alone = (
            LearningCurve(sizes, losses[None, :count], plateaus[None])
            for losses, plateaus in zip(self.losses, self.plateaus, strict=True)
        )
        return all(crossed(curve, self.settings.levels) for curve in alone)
