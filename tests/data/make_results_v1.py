"""Makes `results-v1.sqlite`, a results file of layout 1, by the code of commit cb14fb5, the last that wrote it.

    git worktree add /tmp/v1 cb14fb5
    PYTHONPATH=/tmp/v1/src python tests/data/make_results_v1.py tests/data/results-v1.sqlite

Three runs: one that two studies asked for, which has two ids there, and one that keeps networks; a fact that speaks of
a run by its id, and one that does not.
"""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from syntagma.languages.settings import HierarchySettings
from syntagma.learners import HierarchicalCNN, Training
from syntagma.sweep.runs import Bench, Run
from syntagma.sweep.store import Store
from syntagma.tasks import LastToken

file = Path(sys.argv[1])
language = HierarchySettings(vocab=4, rules=2, branching=2, depth=2, seed=0)
training = Training(batch_size=8, max_steps=8, warmup_steps=1, evaluations_per_doubling=1)
common = {
    "language": language, "task": LastToken(), "learner": HierarchicalCNN(width=4), "training": training,
    "num_examples": 16, "test_examples": 32,
}  # fmt: skip
runs = [
    Run(study="scaling-laws", seed=0, **common),
    Run(study="level-by-level", seed=0, **common),
    Run(study="level-by-level", seed=1, checkpoints=2, **common),
]
bench = Bench()
with Store.create(file) as store:
    for study in ("scaling-laws", "level-by-level"):
        number = store.record_command(study, "quick", {"seeds": 2}, ["syntagma", "run", study])
        for run in runs:
            if run.study == study:
                store.record_run(run.config(), bench.do([run])[0])
        store.record_fact(study, {"of": "plateaus", "vocab": 4}, {"loss_nats": [1.0, 0.5]})
        store.finish_command(number)
    store.record_fact("level-by-level", {"of": "probes", "run": runs[1].id(), "step": 8}, {"cosine": 0.25})
with closing(sqlite3.connect(file)) as connection:  # one file, without a log beside it
    connection.executescript("PRAGMA journal_mode = DELETE; VACUUM; PRAGMA journal_mode = WAL;")
