"""The score of a model from outside, given as a function of token arrays.

    excess_i = loss of the model on sentence i - loss of the exact oracle on sentence i

averaged over the test sentences that a run of the same seed has; the error is that of the paired difference, in which
the sentences' own surprise cancels. Whom the model predicts like is said by

    D = mean over sentences of KL( P || model ),

P the exact posterior of who sees the last k tokens, or another predictor's answer. For k = s^l - 1 in a language with a
tree, the l with the smallest D is the level that the model has learned (`probes.oracle_distance`).
Source: truncated observers, arXiv 2505.07070; the paired difference is derived here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, overload

import numpy as np
from jaxtyping import Float, Integer

from syntagma.checked_call import checked
from syntagma.curves import LearningCurve
from syntagma.errors import invalid, whole_number
from syntagma.estimate import Estimate
from syntagma.languages.language import Sample, Source
from syntagma.languages.splits import Split
from syntagma.learners.answers import AT_ONCE, Answers, Predict, refuse_infinite
from syntagma.learners.loss import right_side
from syntagma.oracles.oracle import Oracle, needed_oracle, oracle_of
from syntagma.probes.oracle_distance import divergence, observer_distances, observer_posteriors
from syntagma.scoring.curve import curve_of
from syntagma.scoring.setting import Readers, Setting
from syntagma.scoring.values import Distance, PositionScore, Score
from syntagma.tasks import Examples, LastToken, NextToken, Shape, Task


@overload
def score(
    language: Any,
    task: Task,
    predict: Predict,
    *,
    context: int | None = None,
    num_examples: int | None = None,
    seed: int = 0,
    sentences: int = 4096,
    readers: Readers | None = None,
    name: str = "",
    batch: int = AT_ONCE,
) -> Score: ...
@overload
def score(
    language: Any,
    task: Task,
    predict: Mapping[int, Predict | Sequence[Predict]],
    *,
    context: int | None = None,
    seed: int = 0,
    sentences: int = 4096,
    name: str = "",
    batch: int = AT_ONCE,
) -> LearningCurve: ...
@checked
def score(
    language: Any,
    task: Task,
    predict: Predict | Mapping[int, Predict | Sequence[Predict]],
    *,
    context: int | None = None,
    num_examples: int | None = None,
    seed: int = 0,
    sentences: int = 4096,
    readers: Readers | None = None,
    name: str = "",
    batch: int = AT_ONCE,
) -> Score | LearningCurve:
    """The score of one model, or the learning curve of models trained on several numbers of sentences.

        language = RandomHierarchy(vocab=8, rules=2, branching=2, depth=3, seed=0)
        result = score(language, LastToken(), lambda tokens: log_softmax(model(torch.as_tensor(tokens)), -1))
        result.excess.value, result.level_learned
        curve = score(language, LastToken(), {256: predict_256, 1024: predict_1024}, name="mine")

    `predict` gets inputs as tasks make them, int64 `[B, T]`, the hidden token as `language.vocab` (for `NextToken` the
    tokens shifted by one, behind that symbol), and returns natural log-probabilities of any library, see
    `learners.answers`. For `NextToken` it may leave out the first position. A `torch.nn.Module` may be given as it is,
    and an array of log-probabilities goes to `scoring.score_array`.

    Args:
        language: it, or its settings.
        task: what is asked.
        predict: the model; or models by number of training sentences, several of one number for as many seeds.
        context: number of previous tokens that the model sees, where not all: the oracle then sees no more either.
        num_examples: sentences that it was trained on, for curves and readers.
        seed: whose test sentences: those of a run with this seed (`language.splits`).
        sentences: of the test set.
        readers: other predictors by name, to which the distance is measured. A reader or a foreign learner, as
            `Counter()`, is fitted on the `num_examples` training sentences of `seed` first.
        name: of the model, for figures.
        batch: sentences that `predict` gets at once.

    Raises:
        InputError: answers that are none (see `learners.answers`), or that give an answer that occurs probability 0; a
            `context` that the task or the language has no oracle for; fewer than 2 sentences.
    """
    if isinstance(predict, Mapping):
        if num_examples is not None or readers:
            field, given = ("readers", readers) if num_examples is None else ("num_examples", num_examples)
            reason = "they are of one size" if num_examples is None else "they are the keys of predict"
            raise invalid(field, given, reason, "Leave it out")
        common: dict[str, Any] = {"context": context, "sentences": sentences, "name": name, "batch": batch}
        return curve_of(
            score(language, task, model, num_examples=size, seed=seed + place, **common)
            for size, models in predict.items()
            for place, model in enumerate(models if isinstance(models, Sequence) else [models])
        )
    setting = Setting.checked(language, task, seed=seed, num_examples=num_examples, context=context)
    asked = Answers(predict, setting.shape, batch, without_first=True)
    others = setting.answers_of(readers, batch)
    return scored(setting, "test", whole_number("sentences", sentences, minimum=2), asked, others, name)


def scored(
    setting: Setting,
    split: Split,
    number: int,
    answers: Callable[[Integer[np.ndarray, "n T"]], Float[np.ndarray, "n *answers"]],
    readers: Mapping[str, Callable[[np.ndarray], np.ndarray]],
    name: str,
) -> Score:
    """The score, under `name`, of checked answers to so many sentences of a split; `readers` answer checked, too."""
    source, task = setting.source, setting.task
    sample, examples = setting.drawn(split, number)
    shape = setting.shape
    log_predicted = answers(examples.inputs)
    first = shape.length - log_predicted.shape[1] if shape.reads == "every" else 0
    targets = examples.targets[:, first:] if shape.reads == "every" else examples.targets
    losses, correct = _losses(log_predicted, targets, shape)
    best = _best(setting, sample, examples)
    oracle = None
    if best is not None:
        oracle = _losses(_logarithms(best, shape)[:, first:] if first else _logarithms(best, shape), targets, shape)[0]
    each = losses.reshape(len(losses), -1).mean(1)
    excess = None if oracle is None else losses - oracle
    return Score(
        name=name,
        task=task.kind,  # pyright: ignore[reportAttributeAccessIssue]
        seed=setting.seed,
        num_examples=setting.num_examples,
        sentences=len(each),
        loss=_estimate(each),
        accuracy=float(correct.mean()),
        oracle=None if oracle is None else float(oracle.mean()),
        excess=None if excess is None else _estimate(excess.reshape(len(each), -1).mean(1)),
        context=setting.context,
        positions=_positions(losses, excess, first) if shape.reads == "every" else (),
        observers=_observers(source, task, sample, log_predicted),
        readers=tuple(
            Distance(reader, _estimate(_mean_divergence(predictor(examples.inputs), log_predicted)))
            for reader, predictor in readers.items()
        ),
    )


def _best(setting: Setting, sample: Sample, examples: Examples) -> Float[np.ndarray, "n *answers"] | None:
    """The best possible answers, of who sees as many tokens as the model."""
    source, task, context = setting.source, setting.task, setting.context
    if context is None:
        return task.oracle(source, examples) if task.has_oracle(source) else None
    positions = range(source.sentence_length) if isinstance(task, NextToken) else [source.sentence_length - 1]
    oracle = needed_oracle(source, Oracle)
    posteriors = [observer_posteriors(oracle, sample.tokens, place, min(context, place)) for place in positions]
    return np.stack(posteriors, axis=1) if isinstance(task, NextToken) else posteriors[0]


def _logarithms(best: np.ndarray, shape: Shape) -> np.ndarray:
    if shape.loss == "squared":
        return best
    with np.errstate(divide="ignore"):
        return np.log(best)


def _losses(answers: np.ndarray, targets: np.ndarray, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """The loss of each answer, and whether it is correct."""
    if shape.loss == "squared":
        return (answers - targets) ** 2, right_side(answers, targets)
    chosen = np.take_along_axis(answers, targets[..., None].astype(np.int64), axis=-1)[..., 0]
    refuse_infinite(-chosen, "predict")
    return -chosen, answers.argmax(axis=-1) == targets


def _estimate(values: Float[np.ndarray, " n"]) -> Estimate:
    if not np.isfinite(values).all():
        return Estimate(float(values.mean()), float("nan"))
    return Estimate(float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))))


def _positions(losses: np.ndarray, excess: np.ndarray | None, first: int) -> tuple[PositionScore, ...]:
    return tuple(
        PositionScore(first + i, _estimate(losses[:, i]), None if excess is None else _estimate(excess[:, i]))
        for i in range(losses.shape[1])
    )


def _observers(source: Source, task: Task, sample: Sample, log_predicted: np.ndarray) -> tuple[Distance, ...]:
    """Distances to the observers of the last k tokens, at the last position."""
    oracle = oracle_of(source)
    if oracle is None or not isinstance(task, LastToken | NextToken):
        return ()
    length, branching = source.sentence_length, source.branching
    spans = [(branching or 2) ** level for level in range(length.bit_length())]
    windows = sorted({span - 1 for span in spans if span <= length} | {length - 1})
    last = log_predicted.reshape(len(log_predicted), -1, source.vocab)[:, -1:]
    distance, error = observer_distances(oracle, sample.tokens, last, [length - 1], windows)
    return tuple(
        Distance(_words(k), Estimate(float(d), float(e)), k, None if branching is None else level)
        for level, (k, d, e) in enumerate(zip(windows, distance[0], error[0], strict=True))
    )


def _words(context: int) -> str:
    return f"the last {context} token{'s' * (context > 1)}" if context else "nothing"


def _mean_divergence(reader: np.ndarray, model: np.ndarray) -> Float[np.ndarray, " n"]:
    """KL(reader || model) of each sentence, averaged over the positions that both predict."""
    if reader.ndim == 3:
        last = min(reader.shape[1], model.shape[1])
        reader, model = reader[:, -last:], model[:, -last:]
    nats = divergence(np.exp(reader), model)
    return nats.reshape(len(nats), -1).mean(1)
