"""One run from the command line: any language, task and learner by their `kind`, with `--set` for the rest.

What is not set is filled in: small sizes of the language, the representation (T-1, 1) for targets by representation,
and for networks a training of a few thousand steps. The run is made and done as those of a study.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, get_args

from pydantic import TypeAdapter, ValidationError

from syntagma.checked_model import first_problem
from syntagma.cli.keys import unknown_key
from syntagma.cli.settings import apply_change
from syntagma.errors import InputError, invalid, unknown

if TYPE_CHECKING:
    import pandas as pd

    from syntagma.sweep.runs import Run

LANGUAGES: Mapping[str, Mapping[str, Any]] = {
    "random-hierarchy": {"vocab": 8, "rules": 4, "branching": 2, "depth": 3},
    "categorical-mixture": {"vocab": 3, "sentence_length": 8},
    "dirichlet-multinomial": {"vocab": 4, "sentence_length": 8},
    "random-hidden-markov": {"vocab": 8, "sentence_length": 8, "states": 4, "transition_concentration": 0.3},
    "templates": {"templates": ["αα -> +1", "αβ -> -1"], "train_symbols": 16, "test_symbols": 16},
    "text": {"sentence_length": 16, "vocab": 32},
}
"""What a language is where nothing is set; kinds that are not here have no use without `--set`."""
_TRAINING = {
    "batch_size": 64,
    "max_epochs": 64,
    "min_steps": 1000,
    "max_steps": 4000,
    "warmup_steps": 100,
    "schedule": "cosine",
}
_SHOWN = {
    "test_loss": "loss",
    "test_loss_error": "standard error",
    "oracle_loss": "oracle's loss",
    "excess_loss": "above the oracle's",
    "test_accuracy": "accuracy",
    "final_train_loss": "train loss",
    "seconds": "seconds",
}


def run_of(
    language: str, task: str, learner: str, sizes: Mapping[str, Any], changes: Iterable[str]
) -> Run:  # fmt: skip
    """The run of these kinds and sizes, changed by each `key=value`.

    Sizes are `num_examples`, `test_examples`, `validation_examples` and `seed`.
    Keys begin with `language`, `task`, `learner` or `training`.

    Raises:
        InputError: an unknown kind (the nearest is named), an unknown key, or a value that cannot be.
    """
    from syntagma.languages.settings import LANGUAGES as KINDS_OF_LANGUAGES
    from syntagma.languages.settings import AnyLanguage
    from syntagma.learners import LEARNERS, NetworkLearner, Training
    from syntagma.sweep.runs import Run
    from syntagma.tasks import AnyTask

    language = KINDS_OF_LANGUAGES.kind_in(language) if language.endswith(".py") else language
    learner = LEARNERS.kind_in(learner) if learner.endswith(".py") else learner
    chosen = {"language": language, "task": task, "learner": learner}
    classes = {"language": KINDS_OF_LANGUAGES.all(), "task": kinds(AnyTask), "learner": LEARNERS.all()}
    for field, kind in chosen.items():
        if kind not in classes[field]:
            raise unknown(field, kind, classes[field])
    trained = issubclass(classes["learner"][learner], NetworkLearner)
    tree: dict[str, Any] = {"language": {"kind": language, **LANGUAGES.get(language, {})}}
    tree |= {"task": {"kind": task}, "learner": {"kind": learner}, "training": dict(_TRAINING) if trained else None}
    fields = {field: classes[field][kind].model_fields for field, kind in chosen.items()}
    fields |= {"training": Training.model_fields if trained else {}}
    for change in changes:
        _check_key(change.partition("=")[0], fields)
        apply_change(tree, change)
    if task == "symmetry-target" and "partition" not in tree["task"]:
        length = _checked(AnyLanguage, tree["language"], "language").language().sentence_length
        tree["task"]["partition"] = [length - 1, 1]
    return _checked(Run, {**tree, **sizes})


def language_settings(language: str, changes: Iterable[str], seed: int | None = None) -> Any:
    """The settings of a language by its kind, changed by each `language.NAME=VALUE`, small where nothing is set.

    Args:
        seed: of the grammar, where given.

    Raises:
        InputError: as `run_of`; a seed for a language that has none.
    """
    from syntagma.languages.settings import LANGUAGES as KINDS_OF_LANGUAGES
    from syntagma.languages.settings import AnyLanguage

    kind = KINDS_OF_LANGUAGES.kind_in(language) if language.endswith(".py") else language
    if kind not in KINDS_OF_LANGUAGES.all():
        raise unknown("language", kind, KINDS_OF_LANGUAGES.all())
    fields = KINDS_OF_LANGUAGES.named(kind).model_fields
    tree: dict[str, Any] = {"language": {"kind": kind, **LANGUAGES.get(kind, {})}}
    for change in changes:
        _check_key(change.partition("=")[0], {"language": fields})
        apply_change(tree, change)
    if seed is not None:
        if "seed" not in fields:
            raise invalid("grammar-seed", seed, f"{kind} is not drawn from a seed", "Leave it out")
        tree["language"]["seed"] = seed
    return _checked(AnyLanguage, tree["language"], "language")


def _checked(kind: Any, given: Mapping[str, Any], field: str = "") -> Any:
    """`given` as a value of `kind`; where it is one field of several, messages name that."""
    try:
        if field:
            return TypeAdapter(dict[str, kind]).validate_python({field: given})[field]  # pyright: ignore[reportInvalidTypeForm]
        return TypeAdapter(kind).validate_python(given)
    except ValidationError as error:
        raise InputError(first_problem(error, {field: given} if field else given, "--set ")) from None


def kinds(union: Any) -> dict[str, Any]:
    """The classes of a discriminated union by their `kind`."""
    members = get_args(get_args(union)[0])
    return {member.model_fields["kind"].default: member for member in members}


def _check_key(key: str, fields: Mapping[str, Mapping[str, Any]]) -> None:
    part, _, rest = key.strip().partition(".")
    if part not in fields:
        raise unknown_key("", part, fields, _keys(fields))
    if not rest:
        raise invalid("key", part, "it has settings of its own", f"Give one of them, as --set {part}.NAME=VALUE")
    if part == "training" and not fields[part]:
        raise InputError(f"set={key!r} cannot be used: this learner is solved or sampled, not trained. Leave it out.")
    name = rest.split(".")[0]
    if name not in fields[part]:
        raise unknown_key(f"{part}.", name, fields[part], _keys(fields))


def _keys(fields: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return [f"{part}.{name}" for part, known in fields.items() for name in known]


def summary(metrics: Mapping[str, Any]) -> pd.DataFrame:
    """What came out, one row a quantity."""
    import pandas as pd

    rows = [(text, metrics[name]) for name, text in _SHOWN.items() if name in metrics]
    return pd.DataFrame(rows, columns=["quantity", "value"])


def notes(results: Iterable[Mapping[str, Any]], place: str = "") -> Iterator[str]:
    """What a person must know of how training ended, beside the numbers; of those in `place`, where it is named."""
    metrics, where = list(results), f"{place}: " if place else ""
    diverged = sum(one.get("stopped") == "diverged" for one in metrics)
    if diverged:
        yield f"{where}{diverged} of {len(metrics)} trainings diverged: their numbers are of the best step before"
    if short := sum(one.get("cut_short") == True for one in metrics):  # noqa: E712 (NaN is not True)
        yield f"{where}{short} of {len(metrics)} trainings ended while still improving: raise training.max_steps"
