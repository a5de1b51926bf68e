"""A learning curve in one call: a learner trained at several sizes and seeds, with or without a store.

A study is for questions that are asked more than once; this is for the first look.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from syntagma.curves import LearningCurve
from syntagma.errors import invalid, whole_number
from syntagma.learners import Training
from syntagma.sweep.runs import Run, Runner
from syntagma.sweep.store import Store


def learning_curve(
    language: Any,
    task: Any,
    learner: Any,
    sizes: Sequence[int],
    seeds: int | Sequence[int] = 3,
    store: Store | None = None,
    *,
    training: Training | None = None,
    test_examples: int = 4096,
    metric: str = "test_loss",
) -> LearningCurve:
    """The test loss of `learner` after each number of training sentences in `sizes`, for each of `seeds`.

        curve = learning_curve(
            HierarchySettings(vocab=8, rules=2, branching=2, depth=3), LastToken(), HierarchicalCNN(width=64),
            [64, 256, 1024], training=Training(max_steps=1000),
        )
        curve.crossing(1.0)  # sentences from which the loss is 1 nat, with its interval

    Seeds of one size are trained together in this process, one program for all sizes.

    Args:
        language: its settings, as `HierarchySettings(...)`; where they have a seed, each seed of the curve draws a
            grammar of its own: the n-th has the settings' seed + n.
        seeds: how many, counted from 0, or which.
        store: runs that it holds are not done again, and new ones are kept in it.
        training: None for learners that are solved and not trained.
        test_examples: sentences of the test set, and of the validation set.
        metric: in nats for losses; any number that a run reports.

    Raises:
        InputError: no size or seed, or one that cannot be; the learner cannot do the task; there is no such metric.
    """
    numbers = list(range(whole_number("seeds", seeds))) if isinstance(seeds, int) else [*dict.fromkeys(seeds)]
    if not numbers:
        raise invalid("seeds", seeds, "it names none", "Give a number of seeds, or which")
    if not len(sizes):
        raise invalid("sizes", list(sizes), "it names none", "Give numbers of training sentences, as [64, 256]")
    runner = Runner(store.path.parent if store is not None else None)
    rows: list[dict[str, Any]] = []
    for size in sorted(dict.fromkeys(sizes)):
        runs = [
            Run(
                language=_drawn(language, seed),
                task=task,
                learner=learner,
                training=training,
                num_examples=size,
                test_examples=test_examples,
                seed=seed,
            )
            for seed in numbers
        ]
        known = {} if store is None else store.results([run.id() for run in runs])
        new = [run for run in runs if run.id() not in known]
        for run, result in zip(new, runner.execute(new) if new else [], strict=True):
            if store is not None:
                store.record_run(run.config(), result)
            known[run.id()] = result
        for run in runs:
            result = known[run.id()]
            if metric not in result:
                raise invalid("metric", metric, f"a run reports {', '.join(sorted(set(result) - {'history'}))}")
            flags = {"diverged": result.get("stopped") == "diverged", "cut_short": bool(result.get("cut_short"))}
            names = {"num_examples": size, "seed": run.seed, "label": run.learner.label}
            rows.append({**names, metric: result[metric], **flags})
    return next(iter(LearningCurve.from_runs(pd.DataFrame(rows), ["label"], metric).values()))


def _drawn(language: Any, seed: int) -> Any:
    """The language of one seed of the curve."""
    first = getattr(language, "seed", None)
    if not hasattr(language, "language"):
        reason = "a curve draws its language anew for each seed, so it takes settings"
        raise invalid("language", type(language).__name__, reason, "Give HierarchySettings(vocab=8, ...), say")
    return language if first is None else language.model_copy(update={"seed": first + seed})
