"""Wrong calls of the whole Python interface: each is refused in one line, none raises anything raw, none is accepted.

The table is built from kinds of wrong arrays, targets, seeds and numbers, and the calls that take them; what is right
but unusual (read-only, strided, of any integer type, lists) is accepted, and gives the same numbers.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import jax
import numpy as np
import pytest

from syntagma import (
    Architecture,
    Attention,
    CategoricalMixture,
    Dense,
    DirichletMultinomial,
    Elman,
    Embedding,
    Engine,
    EqualityPerceptron,
    HierarchicalCNN,
    InputError,
    KernelRegression,
    Label,
    LabelledStrings,
    LangevinPosterior,
    LastToken,
    LocallyConnected,
    MaskedToken,
    MultiLayerAttention,
    NextToken,
    Perceptron,
    RandomHiddenMarkov,
    RandomHierarchy,
    RootClass,
    Sample,
    SymmetryTarget,
    Templates,
    Text,
    Training,
    Transformer,
    TreeOracle,
    family,
    fit,
    oracle_of,
)
from syntagma.kernels import presets
from syntagma.languages.interventions import exchange_rules, resample_rule, resample_symbol
from syntagma.languages.language import Language
from syntagma.languages.settings import HierarchySettings
from syntagma.learners import trainer_of
from syntagma.learners.kernel_regression import solve
from syntagma.oracles import ForwardOracle
from syntagma.probes import attention_by_level, distance_to_oracles, invariances, log_probabilities, observe, readouts
from syntagma.randomness import key, stream
from syntagma.statistics.correlations import measured, resolved
from syntagma.sweep.runs import Run, Runner
from syntagma.tasks import Examples, Shape

Calls = Mapping[str, Callable[[], object]]

LANGUAGE = RandomHierarchy(4, 2, 2, 2, seed=0)
OTHER_RULES = RandomHierarchy(4, 2, 2, 2, seed=1)
LONGER = RandomHierarchy(4, 2, 2, 3, seed=0)
MORE_TOKENS = RandomHierarchy(5, 2, 2, 2, seed=0)
SAMPLE = LANGUAGE.sample(0, 12, hidden=True)
SIZES: Any = {"vocab": 4, "sentence_length": 4}
LANGUAGES: dict[str, Any] = {
    "hierarchy": LANGUAGE,
    "urn": DirichletMultinomial(**SIZES),
    "mixture": CategoricalMixture(**SIZES),
    "hidden Markov": RandomHiddenMarkov(**SIZES, states=2),
    "templates": Templates(templates=("αβ -> α",), train_symbols=3, test_symbols=3),
    "strings": LabelledStrings(strings=("ab", "ba"), labels=(1.0, -1.0)),
}
LAST, EVERY, NUMBER, ROOT = LastToken(), NextToken(), SymmetryTarget(partition=(3, 1)), RootClass()
SHAPES = {task: task.shape(LANGUAGE) for task in (LAST, EVERY, NUMBER)}
GOOD = {task: task.examples(SAMPLE, LANGUAGE, 0) for task in SHAPES}
TRAINING = Training(max_steps=2, batch_size=4)
CNN, TRANSFORMER = HierarchicalCNN(width=2), Transformer(width=4, heads=2, layers=1)
KERNEL, LANGEVIN = KernelRegression(ridge=0.1), LangevinPosterior(width=2, chains=2, steps=4, snapshots=1)
BLOCK = Architecture(embedding=Embedding(vocab=4), layers=(Dense(),))
NETWORK = CNN.network(key(0), SHAPES[LAST])
ENGINE = Engine(CNN, SHAPES[LAST], TRAINING)
TRAINERS = {
    "engine": (ENGINE, LAST),
    "engine, every position": (Engine(TRANSFORMER, SHAPES[EVERY], TRAINING), EVERY),
    "kernel": (trainer_of(KERNEL, SHAPES[LAST], None), LAST),
    "kernel of numbers": (trainer_of(KERNEL, SHAPES[NUMBER], None), NUMBER),
    "Langevin": (trainer_of(LANGEVIN, SHAPES[NUMBER], None), NUMBER),
}


def with_entry(array: np.ndarray, entry: float) -> np.ndarray:
    """A copy in a type that holds `entry`, which stands first."""
    copy = array.astype(np.int64 if isinstance(entry, int) else np.float64)
    copy.flat[0] = entry
    return copy


def wrong_tokens(good: np.ndarray, vocab: int) -> Mapping[str, Any]:
    """What cannot pass for `good`, whose entries are below `vocab`."""
    good = np.asarray(good)
    return {
        "a token too large": with_entry(good, vocab),
        "token 99": with_entry(good, 99),
        "a huge token": with_entry(good, 2**62),
        "a negative token": with_entry(good, -1),
        "fractions": good + 0.5,
        "whole numbers as floats": good.astype(float),
        "NaN": with_entry(good, np.nan),
        "complex numbers": good.astype(complex),
        "truth values": good > 0,
        "digits as text": good.astype(str),
        "objects": good.astype(object),
        "a token more": np.concatenate([good, good[:, :1]], axis=1),
        "a token fewer": good[:, 1:],
        "one sentence, not a row of them": good[0],
        "three axes": good[None],
        "no sentence": good[:0],
        "rows of unequal lengths": [[0, 1], [0]],
        "None": None,
        "a number": 3,
        "text": "abba",
        "a dictionary": {"tokens": good},
    }


def wrong_targets(good: np.ndarray, outputs: int | None) -> Mapping[str, Any]:
    """What cannot pass for the targets `good`: answers below `outputs`, or real numbers where it is None."""
    wrong: dict[str, Any] = {
        "NaN": with_entry(good, np.nan),
        "infinity": with_entry(good, np.inf),
        "complex numbers": good.astype(complex),
        "truth values": good > 0,
        "text": good.astype(str),
        "objects": good.astype(object),
        "one fewer": good[1:],
        "one more": np.concatenate([good, good[:1]]),
        "an axis more": good[..., None],
        "rows of unequal lengths": [[0, 1], [0]],
        "None": None,
        "a number": 1,
    }
    if outputs is not None:
        wrong |= {
            "fractions": good + 0.5,
            "whole numbers as floats": good.astype(float),
            "too large": with_entry(good, outputs),
            "99": with_entry(good, 99),
            "negative": with_entry(good, -1),
        }
    return wrong


NO_EXAMPLES: Mapping[str, Any] = {
    "None": None,
    "a pair of arrays": (GOOD[LAST].inputs, GOOD[LAST].targets),
    "an array": GOOD[LAST].inputs,
    "a sample": SAMPLE,
    "the class": Examples,
}
WRONG_SEEDS: Mapping[str, Any] = {
    "-1": -1, "1.5": 1.5, "NaN": np.nan, "infinity": np.inf, "text": "1", "None": None, "True": True, "a list": [0],
}  # fmt: skip
WRONG_NUMBERS: Mapping[str, Any] = {
    "0": 0, "-1": -1, "1.5": 1.5, "NaN": np.nan, "infinity": np.inf, "text": "four", "a digit": "4", "True": True,
    "a list": [4],
}  # fmt: skip


def wrong_examples(task: Any) -> Iterator[tuple[str, Any]]:
    """Named examples that do not fit `task`."""
    good, shape = GOOD[task], SHAPES[task]
    outputs = None if shape.loss == "squared" else shape.outputs
    for name, inputs in wrong_tokens(good.inputs, shape.vocab + 1).items():
        yield f"inputs: {name}", Examples(inputs, good.targets)
    for name, targets in wrong_targets(good.targets, outputs).items():
        yield f"targets: {name}", Examples(good.inputs, targets)
    for name, given in NO_EXAMPLES.items():
        yield name, given


def calls_with_examples() -> Iterator[tuple[str, Callable[[], object]]]:
    """Each trainer's `fit`, on wrong train, validation, test and further sets; oracles of tasks."""
    for trainer_name, (trainer, task) in TRAINERS.items():
        good = GOOD[task]
        for name, wrong in wrong_examples(task):
            sets = [wrong, good, good]
            yield f"{trainer_name}, train, {name}", functools.partial(trainer.fit, *([one] for one in sets), [0])
        for place, role in ((1, "validation"), (2, "test")):
            for name, wrong in list(wrong_examples(task))[::7]:
                sets = [good] * 3
                sets[place] = wrong
                yield f"{trainer_name}, {role}, {name}", functools.partial(trainer.fit, *([one] for one in sets), [0])
        for name, wrong in list(wrong_examples(task))[3::7]:
            given = functools.partial(trainer.fit, [good], [good], [good], [0], extra={"more": [wrong]})
            yield f"{trainer_name}, extra, {name}", given
    for task in SHAPES:
        for name, wrong in wrong_examples(task):
            yield f"oracle of {task.kind}, {name}", functools.partial(task.oracle_losses, LANGUAGE, wrong)
    for name, wrong in wrong_examples(LAST):
        yield f"solve, {name}", functools.partial(solve, KERNEL, SHAPES[LAST], wrong)


def calls_with_sets() -> Iterator[tuple[str, Callable[[], object]]]:
    """Sets, seeds and names that do not go together."""
    good = GOOD[LAST]
    one = [good]
    for name, arguments in {
        "examples without a list": (good, one, one, [0]),
        "validation without a list": (one, good, one, [0]),
        "two train sets": (one * 2, one, one, [0]),
        "two validation sets": (one, one * 2, one, [0]),
        "two test sets": (one, one, one * 2, [0]),
        "two seeds": (one, one, one, [0, 1]),
        "no sets": ([], [], [], []),
        "no seed": (one, one, one, []),
        "a seed without a list": (one, one, one, 0),
        "seeds as text": (one, one, one, "0"),
        "no validation": (one, None, one, [0]),
        "no test": (one, one, None, [0]),
    }.items():
        yield f"sets: {name}", functools.partial(ENGINE.fit, *arguments)
    for name in ("train", "validation", "test", "final_test", "oracle", "excess", "", "two words", "a-b", 3):
        yield f"extra named {name!r}", functools.partial(ENGINE.fit, one, one, one, [0], extra={name: one})
    for name, given in {"not a list": good, "two sets": one * 2, "none": [], "nothing": None}.items():
        yield f"extra, {name}", functools.partial(ENGINE.fit, one, one, one, [0], extra={"more": given})
    shorter = Examples(good.inputs[:5], good.targets[:5])
    unequal = functools.partial(ENGINE.fit, one * 2, [good, shorter], one * 2, [0, 1], together=True)
    yield "unequal sets of seeds trained together", unequal
    for name, (trainer, task) in TRAINERS.items():
        for seed_name, seed in WRONG_SEEDS.items():
            yield f"{name}, seed {seed_name}", functools.partial(trainer.fit, *([[GOOD[task]]] * 3), [seed])
    for seed_name, seed in WRONG_SEEDS.items():
        arguments = CNN, SHAPES[LAST], TRAINING, good, good, good
        yield f"fit, seed {seed_name}", functools.partial(fit, *arguments, seed=seed)
        yield f"solve, seed {seed_name}", functools.partial(solve, KERNEL, SHAPES[LAST], good, seed)
    for name, arguments in {
        "no learner": (None, SHAPES[LAST], TRAINING),
        "a learner's name": ("cnn", SHAPES[LAST], TRAINING),
        "a learner's class": (HierarchicalCNN, SHAPES[LAST], TRAINING),
        "no shape": (CNN, None, TRAINING),
        "a shape as a tuple": (CNN, (4, 4, 4), TRAINING),
        "no training": (CNN, SHAPES[LAST], None),
        "training as a dictionary": (CNN, SHAPES[LAST], {"max_steps": 2}),
        "one answer for every position": (CNN, SHAPES[EVERY], TRAINING),
        "no tree": (CNN, replace(SHAPES[LAST], branching=1), TRAINING),
        "another tree": (CNN, replace(SHAPES[LAST], branching=3), TRAINING),
        "a kernel without a shape": (KERNEL, None, None),
        "a kernel for every position": (KERNEL, SHAPES[EVERY], None),
        "Langevin for classes": (LANGEVIN, SHAPES[LAST], None),
        "Langevin without a shape": (LANGEVIN, None, None),
    }.items():
        yield f"fit: {name}", functools.partial(fit, *arguments, good, good, good)
    yield "engine: a kernel", functools.partial(Engine, KERNEL, SHAPES[LAST], TRAINING)  # pyright: ignore
    yield "examples of a longer language", lambda: ENGINE.fit([longer_examples()], one, one, [0])
    yield "examples of more tokens", lambda: ENGINE.fit([examples_of_more_tokens()], one, one, [0])


def longer_examples() -> Examples:
    return LAST.examples(LONGER.sample(0, 12), LONGER, 0)


def examples_of_more_tokens() -> Examples:
    return LAST.examples(MORE_TOKENS.sample(0, 12), MORE_TOKENS, 0)


NO_SAMPLES: Mapping[str, Any] = {
    "of other rules": OTHER_RULES.sample(0, 12, hidden=True),
    "of longer sentences": LONGER.sample(0, 12, hidden=True),
    "of more tokens": MORE_TOKENS.sample(0, 100, hidden=True),
    "None": None,
    "an array": SAMPLE.tokens,
    "examples": GOOD[LAST],
    "the class": Sample,
    "levels of other sentences": replace(SAMPLE, levels=LANGUAGE.sample(0, 5, hidden=True).levels),
    "rules of other sentences": replace(SAMPLE, rules=LANGUAGE.sample(0, 5, hidden=True).rules),
    "labels of other sentences": replace(SAMPLE, labels=np.zeros(5)),
    "one label": replace(SAMPLE, labels=np.float64(1)),
    **{f"tokens: {name}": Sample(tokens) for name, tokens in wrong_tokens(SAMPLE.tokens, 4).items()},
}


def calls_with_samples() -> Iterator[tuple[str, Callable[[], object]]]:
    probes: Mapping[str, Callable[..., object]] = {
        "readouts": readouts,
        "invariances": invariances,
        "distance_to_oracles": distance_to_oracles,
        "attention_by_level": attention_by_level,
    }
    for name, wrong in NO_SAMPLES.items():
        for task in (LAST, EVERY, MaskedToken(), NUMBER):
            yield f"examples of {task.kind}, {name}", functools.partial(task.examples, wrong, LANGUAGE, 0)
        for probe, call in probes.items():
            yield f"{probe}, sample {name}", functools.partial(call, NETWORK, LAST, LANGUAGE, wrong)
    for name, language in {"None": None, "a name": "random-hierarchy", "settings": HierarchySettings(
        vocab=4, rules=2, branching=2, depth=2
    ), "other rules": OTHER_RULES, "longer": LONGER, "fewer tokens": RandomHierarchy(3, 2, 2, 2)}.items():  # fmt: skip
        yield f"examples, language {name}", functools.partial(LAST.examples, SAMPLE, language, 0)
        for probe, call in probes.items():
            yield f"{probe}, language {name}", functools.partial(call, NETWORK, LAST, language, SAMPLE)
    for seed_name, seed in WRONG_SEEDS.items():
        yield f"examples, seed {seed_name}", functools.partial(LAST.examples, SAMPLE, LANGUAGE, seed)
        for probe, call in probes.items():
            yield f"{probe}, seed {seed_name}", functools.partial(call, NETWORK, LAST, LANGUAGE, SAMPLE, seed=seed)
    solution = solve(KERNEL, SHAPES[LAST], GOOD[LAST])
    for name, network in {"None": None, "a learner": CNN, "a solution": solution}.items():
        for probe, call in probes.items():
            yield f"{probe}, network {name}", functools.partial(call, network, LAST, LANGUAGE, SAMPLE)
        yield f"observe, network {name}", functools.partial(observe, network, GOOD[LAST].inputs)
    for probe, call in probes.items():
        yield f"{probe}, no task", functools.partial(call, NETWORK, None, LANGUAGE, SAMPLE)
        yield f"{probe}, a task's name", functools.partial(call, NETWORK, "last-token", LANGUAGE, SAMPLE)
        mixture = LANGUAGES["mixture"]
        yield f"{probe}, no tree", functools.partial(call, NETWORK, LAST, mixture, mixture.sample(0, 12))
    yield "readouts without levels", lambda: readouts(NETWORK, LAST, LANGUAGE, Sample(SAMPLE.tokens))
    yield "invariances without rules", lambda: invariances(NETWORK, LAST, LANGUAGE, Sample(SAMPLE.tokens), [(1, 0)])
    for folds in (1, 0, 1.5, "2", 100, None):
        yield f"readouts, folds {folds!r}", functools.partial(
            readouts, NETWORK, LAST, LANGUAGE, SAMPLE, folds=folds  # pyright: ignore[reportArgumentType]
        )  # fmt: skip
    for ridge in (0.0, -1.0, np.nan, np.inf, "1", None):
        yield f"readouts, ridge {ridge!r}", functools.partial(
            readouts, NETWORK, LAST, LANGUAGE, SAMPLE, ridge=ridge  # pyright: ignore[reportArgumentType]
        )  # fmt: skip
    for nodes in ([(3, 0)], [(1, 9)], [(1.5, 0)], [(1, 0, 0)], [1], 1, "ab"):
        yield f"invariances, nodes {nodes!r}", functools.partial(
            invariances, NETWORK, LAST, LANGUAGE, SAMPLE, nodes  # pyright: ignore[reportArgumentType]
        )  # fmt: skip
    for queries in ([4], [-5], [1.5], [], 1, "ab"):
        yield f"attention_by_level, queries {queries!r}", functools.partial(
            attention_by_level, NETWORK, LAST, LANGUAGE, SAMPLE, queries=queries  # pyright: ignore[reportArgumentType]
        )  # fmt: skip
    yield "distances of a root class", lambda: distance_to_oracles(NETWORK, ROOT, LANGUAGE, SAMPLE)
    yield "distances at every position", lambda: distance_to_oracles(NETWORK, EVERY, LANGUAGE, SAMPLE)
    for name, wrong in wrong_tokens(GOOD[LAST].inputs, 5).items():
        yield f"observe, {name}", functools.partial(observe, NETWORK, wrong)
        yield f"log_probabilities, {name}", functools.partial(log_probabilities, NETWORK, wrong)


def calls_with_tokens() -> Iterator[tuple[str, Callable[[], object]]]:
    """Languages, oracles and kernels on wrong tokens."""
    for language_name, language in LANGUAGES.items():
        good = language.sample(0, 3).tokens
        everything = np.ones(language.sentence_length, bool)
        oracle: Any = oracle_of(language)
        for name, wrong in wrong_tokens(good, language.vocab).items():
            yield f"log_prob of {language_name}, {name}", functools.partial(language.log_prob, wrong)
            if oracle is not None and name != "no sentence":
                yield f"next_token of {language_name}, {name}", functools.partial(oracle.next_token, wrong)
                evidence = functools.partial(oracle.log_evidence, wrong, everything)
                yield f"log_evidence of {language_name}, {name}", evidence
        if oracle is None:
            continue
        for name, observed in {
            "numbers": everything.astype(int), "too short": everything[1:], "None": None, "text": "abcd",
            "of fewer sentences": np.ones((2, language.sentence_length), bool),
        }.items():  # fmt: skip
            yield f"observed of {language_name}, {name}", functools.partial(oracle.log_evidence, good, observed)
        for position in (99, -99, 1.5, None, "0", [0], [0.5, 1.5, 0.5]):
            ask = functools.partial(oracle.token_posterior, good, everything, position)
            yield f"position of {language_name}, {position!r}", ask
    tree = TreeOracle(LANGUAGE)
    everything = np.ones(4, bool)
    for level in (3, -1, 1.5, None, "0"):
        yield f"posterior, level {level!r}", functools.partial(tree.posterior, SAMPLE.tokens, everything, level)
        yield f"marginal, level {level!r}", functools.partial(tree.marginal, level)
    for number in (4, -1, 1.5, None, "0"):
        yield f"conditional_entropy of {number!r}", functools.partial(tree.conditional_entropy, number)
    for number in (1, 0, -1, 1.5, None, "9"):
        yield f"plateaus, samples {number!r}", functools.partial(tree.conditional_entropy, 1, num_samples=number)
    for name, language in {"None": None, "a name": "tree", "a mixture": LANGUAGES["mixture"]}.items():
        yield f"TreeOracle of {name}", functools.partial(TreeOracle, language)
    yield "ForwardOracle of a tree", functools.partial(ForwardOracle, LANGUAGE)  # pyright: ignore
    yield "oracle_of None", functools.partial(oracle_of, None)
    yield "oracle_of a name", functools.partial(oracle_of, "random-hierarchy")
    for name, wrong in wrong_tokens(SAMPLE.tokens, 4).items():
        if name != "a token more" and name != "a token fewer":
            yield f"gram, {name}", functools.partial(BLOCK.gram, wrong)
            yield f"diagonal, {name}", functools.partial(BLOCK.diagonal, wrong)
        if name != "None":
            yield f"gram with {name}", functools.partial(BLOCK.gram, SAMPLE.tokens, wrong)
    for name, wrong in wrong_tokens(SAMPLE.tokens, 4).items():
        yield f"parse, {name}", functools.partial(LANGUAGE.parse, wrong)


def calls_with_changes() -> Iterator[tuple[str, Callable[[], object]]]:
    """Interventions and statistics."""
    changes: Mapping[str, Callable[..., object]] = {
        "resample_rule": lambda language, sample, level=1, position=0, seed=0: resample_rule(
            language, sample, level, position, seed
        ),
        "resample_symbol": lambda language, sample, level=1, position=0, seed=0: resample_symbol(
            language, sample, level, position, seed
        ),
        "exchange_rules": lambda language, sample, level=1, position=0, seed=0: exchange_rules(
            language, sample, level, 0, 1, position
        ),
    }
    for name, change in changes.items():
        for level in (3, -1, 1.5, None, "1"):
            yield f"{name}, level {level!r}", functools.partial(change, LANGUAGE, SAMPLE, level)
        for position in (2, -3, 0.5, "0"):
            yield f"{name}, position {position!r}", functools.partial(change, LANGUAGE, SAMPLE, position=position)
        yield f"{name} without levels", functools.partial(change, LANGUAGE, Sample(SAMPLE.tokens))
        if name != "exchange_rules":
            for seed_name, seed in WRONG_SEEDS.items():
                yield f"{name}, seed {seed_name}", functools.partial(change, LANGUAGE, SAMPLE, seed=seed)
    yield "a law that is none", lambda: resample_symbol(LANGUAGE, SAMPLE, 1, 0, 0, law="joint")  # pyright: ignore
    yield "the same rule twice", lambda: exchange_rules(LANGUAGE, SAMPLE, 1, 1, 1)
    yield "a rule that is none", lambda: exchange_rules(LANGUAGE, SAMPLE, 1, 0, 2)
    for number_name, number in WRONG_NUMBERS.items():
        yield f"resolved by {number_name}", functools.partial(resolved, LANGUAGE, number)
    yield "measured correlations without levels", lambda: measured(LANGUAGE, Sample(SAMPLE.tokens))


def calls_with_sizes() -> Iterator[tuple[str, Callable[[], object]]]:
    """Seeds, numbers of sentences, and sizes of languages, learners, trainings and kernels."""
    for language_name, language in LANGUAGES.items():
        for name, seed in WRONG_SEEDS.items():
            yield f"sample of {language_name}, seed {name}", functools.partial(language.sample, seed, 3)
        for name, number in {**WRONG_NUMBERS, "None": None}.items():
            yield f"sample of {language_name}, number {name}", functools.partial(language.sample, 0, number)
    makers: Mapping[str, tuple[Callable[..., object], Mapping[str, Any], tuple[str, ...]]] = {
        "RandomHierarchy": (
            RandomHierarchy, {"vocab": 4, "rules": 2, "branching": 2, "depth": 2},
            ("vocab", "rules", "branching", "depth", "num_classes"),
        ),
        "HierarchySettings": (
            lambda **sizes: HierarchySettings(**sizes).language(), {"vocab": 4, "rules": 2, "branching": 2, "depth": 2},
            ("vocab", "rules", "branching", "depth", "num_classes"),
        ),
        "DirichletMultinomial": (DirichletMultinomial, SIZES, ("vocab", "sentence_length")),
        "CategoricalMixture": (CategoricalMixture, SIZES, ("vocab", "sentence_length")),
        "RandomHiddenMarkov": (RandomHiddenMarkov, {**SIZES, "states": 2}, ("vocab", "sentence_length", "states")),
        "Templates": (
            Templates, {"templates": ("αβ -> α",)}, ("train_symbols", "test_symbols", "substitutions"),
        ),
        "Shape": (Shape, {"vocab": 4, "length": 4, "outputs": 4}, ("vocab", "length", "outputs", "branching")),
        "Training": (Training, {}, ("batch_size", "max_steps", "min_steps", "evaluations_per_doubling")),
        "HierarchicalCNN": (HierarchicalCNN, {}, ("width",)),
        "LocallyConnected": (LocallyConnected, {}, ("width",)),
        "MultiLayerAttention": (MultiLayerAttention, {}, ("width", "heads", "layers")),
        "Transformer": (Transformer, {}, ("width", "heads", "head_size", "layers", "mlp_ratio")),
        "Perceptron": (Perceptron, {}, ("width", "layers")),
        "EqualityPerceptron": (EqualityPerceptron, {}, ("width", "layers")),
        "Elman": (Elman, {}, ("width",)),
        "KernelRegression": (KernelRegression, {}, ("samples",)),
        "LangevinPosterior": (LangevinPosterior, {}, ("width", "heads", "head_size", "chains", "steps", "snapshots")),
        "Embedding": (Embedding, {"vocab": 4}, ("vocab",)),
        "Run": (a_run, {}, ("num_examples", "test_examples", "validation_examples")),
    }  # fmt: skip
    for maker_name, (maker, rest, fields) in makers.items():
        for field in fields:
            for name, number in WRONG_NUMBERS.items():
                yield f"{maker_name}, {field} {name}", functools.partial(maker, **{**rest, field: number})
    for name, seed in WRONG_SEEDS.items():
        yield f"RandomHierarchy, seed {name}", functools.partial(RandomHierarchy, 4, 2, 2, 2, seed=seed)
        yield f"stream, seed {name}", functools.partial(stream, seed, "test")
        yield f"key, seed {name}", functools.partial(key, seed, "test")
    yield "too many rules", functools.partial(RandomHierarchy, 4, 5, 2, 2)
    yield "a family that is none", functools.partial(family, "same-diferent")
    for name in ("test", "final", "oracle_here", "a b", ""):
        language = HierarchySettings(vocab=4, rules=2, branching=2, depth=2)
        yield f"Run, tests named {name!r}", functools.partial(a_run, tests={name: language})
    yield "no run", functools.partial(Runner().execute, [])
    other = HierarchySettings(vocab=5, rules=2, branching=2, depth=2)
    yield "runs of two programs", lambda: Runner().execute([a_run(), a_run(language=other)])
    yield "an unknown reading", lambda: Shape(4, 4, 4, "twice")  # pyright: ignore
    yield "an unknown loss", lambda: Shape(4, 4, 4, loss="hinge")  # pyright: ignore
    for field, wrong in {
        "learning_rate": (0, -1, np.nan, np.inf, "fast", None), "momentum": (1, -0.1, np.nan, "much"),
        "optimizer": ("adagrad", None, 3), "schedule": ("linear", None), "patience": (0.5, np.nan, "long"),
        "weight_decay": (-1, np.nan), "clip_norm": (0, -1, np.nan), "max_epochs": (0, -1, np.inf),
        "learning_rat": (0.1,), "train_loss_threshold": (-1, np.nan), "final_rate": (-0.1, 1.1),
    }.items():  # fmt: skip
        for value in wrong:
            yield f"Training, {field}={value!r}", functools.partial(Training, **{field: value})
    for field, value in {"ridge": -1, "architecture": "tranformer", "limit": "ntkk", "by_pattern": "perhaps"}.items():
        yield f"KernelRegression, {field}={value!r}", functools.partial(KernelRegression, **{field: value})
    for ridge in (0, -1, np.nan, np.inf, "small"):
        yield f"LangevinPosterior, ridge={ridge!r}", functools.partial(LangevinPosterior, ridge=ridge)
    yield "heads that do not divide the width", lambda: Transformer(width=5, heads=2).check(SHAPES[LAST])
    for partition in ((), (2, 3), (5,), (2.5, 1.5), (-1, 5), (4, 0), "ab", 4, None):
        made = functools.partial(lambda given: SymmetryTarget(partition=given).shape(LANGUAGE), partition)
        yield f"SymmetryTarget, partition={partition!r}", made
    for position in (4, -5, 0.5, "last"):
        made = functools.partial(lambda given: MaskedToken(position=given).shape(LANGUAGE), position)
        yield f"MaskedToken, position={position!r}", made
    for activation in ("rely", "relu^99", "", None):
        yield f"Dense, activation={activation!r}", functools.partial(Dense, activation=activation)
    yield "Attention without a pattern", functools.partial(Attention, scores="fixed")
    yield "an unknown setting", functools.partial(HierarchicalCNN, with_=3)  # pyright: ignore
    yield "a label that is none", lambda: Label().shape(LANGUAGE)
    yield "a root class that is none", lambda: ROOT.shape(LANGUAGES["mixture"])
    for samples in (0, -1, 1.5, None, "many"):
        soft = Architecture(embedding=Embedding(vocab=4), layers=(Attention(),))
        yield f"gram, samples={samples!r}", functools.partial(soft.gram, SAMPLE.tokens, samples=samples)
    for seed_name, seed in WRONG_SEEDS.items():
        soft = Architecture(embedding=Embedding(vocab=4), layers=(Attention(),))
        yield f"gram, seed {seed_name}", functools.partial(soft.gram, SAMPLE.tokens, seed=seed)
    yield "gram, kind", lambda: BLOCK.gram(SAMPLE.tokens, kind="ngp")  # pyright: ignore


NO_FLAGS: Mapping[str, Any] = {
    "text": "x", "no": "no", "1": 1, "0": 0, "NaN": np.nan, "None": None, "a list": [True],
    "an array": np.ones(2, bool),
}  # fmt: skip


class OwnLanguage(Language):
    """As a user writes one: nothing is looked at."""

    vocab, sentence_length = 3, 2

    def sample(self, seed: int, num_sentences: int, *, hidden: bool = False) -> Sample:
        return Sample(np.full((num_sentences, 2), 1 if hidden else 0))

    def log_prob(self, tokens: np.ndarray) -> np.ndarray:
        return np.zeros(len(tokens))


def calls_with_flags() -> Iterator[tuple[str, Callable[[], object]]]:
    """What is True or False is no number, text or list: each would pass for one of the two."""
    good = GOOD[LAST]
    calls: dict[str, tuple[Callable[..., object], Sequence[Any], str]] = {
        **{f"sample of {name}": (one.sample, (0, 3), "hidden") for name, one in LANGUAGES.items()},
        "sample of one's own": (OwnLanguage().sample, (0, 3), "hidden"),
        "distinct": (LANGUAGE.sample, (0, 3), "distinct"),
        "distinct strings": (LANGUAGES["strings"].sample, (0, 2), "distinct"),
        "splits": (functools.partial(LANGUAGE.splits, train=3), (), "hidden"),
        "parse": (LANGUAGE.parse, (SAMPLE.tokens,), "strict"),
        "resample_rule": (resample_rule, (LANGUAGE, SAMPLE, 1, 0, 0), "different"),
        "resample_symbol": (resample_symbol, (LANGUAGE, SAMPLE, 1, 0, 0), "different"),
        "invariances": (invariances, (NETWORK, LAST, LANGUAGE, SAMPLE), "different"),
        "fit": (ENGINE.fit, ([good], [good], [good], [0]), "together"),
        "transformer's kernel": (presets.transformer, (4,), "causal"),
        "transformer's norm": (presets.transformer, (4,), "norm"),
        "K_trans": (presets.template_transformer, (4,), "trained"),
        "a tree's kernel": (presets.hierarchical_cnn, (4, 2, 2), "shared"),
        "a copy": (TRAINING.model_copy, (), "deep"),
        "Attention": (Attention, (), "causal"),
        "Transformer": (Transformer, (), "tied"),
        "KernelRegression": (KernelRegression, (), "by_pattern"),
        "Text": (Text, (np.arange(4), tuple("abc_"), 2, 1), "distinct"),
    }
    for name, (call, arguments, flag) in calls.items():
        for kind, given in NO_FLAGS.items():
            if (flag, kind) != ("together", "None"):
                yield f"{name}, {flag} {kind}", functools.partial(call, *arguments, **{flag: given})


def a_run(**changes: Any) -> Run:
    given = {"language": HierarchySettings(vocab=4, rules=2, branching=2, depth=2), "task": LAST}
    given |= {"learner": CNN, "training": TRAINING, "num_examples": 4, "test_examples": 4, "seed": 0}
    return Run(**{**given, **changes})


WRONG: dict[str, Callable[[], object]] = {}
for make in (
    calls_with_examples, calls_with_sets, calls_with_samples, calls_with_tokens, calls_with_changes, calls_with_sizes,
    calls_with_flags,
):  # fmt: skip
    for name, call in make():
        assert name not in WRONG, name
        WRONG[name] = call


def test_there_are_many() -> None:
    assert len(WRONG) > 1000


@pytest.mark.parametrize("name", WRONG)
def test_wrong_calls_are_refused_in_one_line(name: str) -> None:
    with pytest.raises(InputError) as error:
        WRONG[name]()
    text = str(error.value)
    assert text.strip() == text
    assert len(text.splitlines()) == 1
    assert len(text) < 400


def everywhere(task: Any, trainer: Any, examples: Examples) -> list[np.ndarray]:
    """Numbers that a fit and an oracle make of `examples`."""
    found = trainer.fit([examples], [examples], [examples], [0])[0]
    return [found.example_losses, task.oracle_losses(LANGUAGE, examples)]


UNUSUAL: Mapping[str, Callable[[np.ndarray], Any]] = {
    "read-only": lambda array: np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape),
    "columns first": np.asfortranarray,
    "strided": lambda array: np.repeat(array, 3, axis=0)[::3],
    "backwards": lambda array: np.ascontiguousarray(array[::-1])[::-1],
    "JAX's": lambda array: jax.numpy.asarray(array, "int32" if array.dtype.kind in "iu" else "float32"),
    "lists": lambda array: array.tolist(),
    "tuples": lambda array: tuple(map(tuple, array.tolist())) if array.ndim > 1 else tuple(array.tolist()),
}
INTEGERS = ("int8", "int16", "int32", "int64", "uint16", "uint32", "uint64", ">i4")


@pytest.mark.parametrize("trainer", ["engine", "engine, every position", "kernel"])
@pytest.mark.parametrize("form", [*UNUSUAL, *INTEGERS])
def test_right_arrays_of_any_form_give_the_same_numbers(trainer: str, form: str) -> None:
    chosen, task = TRAINERS[trainer]
    good = GOOD[task]
    change = UNUSUAL[form] if form in UNUSUAL else functools.partial(np.asarray, dtype=form)
    unusual = Examples(change(good.inputs), change(good.targets))
    for a, b in zip(everywhere(task, chosen, good), everywhere(task, chosen, unusual), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("form", [*UNUSUAL, *INTEGERS])
def test_right_samples_of_any_form_give_the_same_examples(form: str) -> None:
    change = UNUSUAL[form] if form in UNUSUAL else functools.partial(np.asarray, dtype=form)
    for task in (LAST, EVERY, MaskedToken(), NUMBER):
        examples = task.examples(Sample(change(SAMPLE.tokens)), LANGUAGE, 0)
        expected = task.examples(SAMPLE, LANGUAGE, 0)
        np.testing.assert_array_equal(examples.inputs, expected.inputs)
        np.testing.assert_array_equal(examples.targets, expected.targets)
        np.testing.assert_array_equal(task.oracle(LANGUAGE, examples), task.oracle(LANGUAGE, expected))


def test_real_targets_may_be_of_any_real_type() -> None:
    good = GOOD[NUMBER]
    rounded = Examples(good.inputs, np.round(good.targets))
    trainer = TRAINERS["kernel of numbers"][0]
    expected = trainer.fit([rounded], [rounded], [rounded], [0])[0].example_losses
    for kind in ("float32", "int64", "int8"):
        given = Examples(good.inputs, rounded.targets.astype(kind))
        np.testing.assert_array_equal(trainer.fit([given], [given], [given], [0])[0].example_losses, expected)


def test_right_calls_are_not_refused() -> None:
    """The forms of the table, with what is right: so each was refused for what is wrong in it."""
    good = GOOD[LAST]
    assert ENGINE.fit([good], [good], [good], [np.int64(3)], extra={"more": [good]})[0].metrics["more_loss"] > 0
    assert len(ENGINE.fit([good] * 2, [good] * 2, [good] * 2, range(2), together=True)) == 2
    for trainer, task in TRAINERS.values():
        trainer.fit([GOOD[task]], [GOOD[task]], [GOOD[task]], np.array([0]))
    for probe in (readouts, attention_by_level, distance_to_oracles):
        probe(NETWORK, LAST, LANGUAGE, SAMPLE, seed=1)
    invariances(NETWORK, LAST, LANGUAGE, SAMPLE, [[1, 0], np.array([1, -1])])  # pyright: ignore
    attention_by_level(NETWORK, LAST, LANGUAGE, SAMPLE, queries=[0, -1])
    observe(NETWORK, good.inputs)
    Runner().execute([a_run(), a_run(seed=1)])
    BLOCK.gram(SAMPLE.tokens.tolist())
    assert OwnLanguage().sample(0, 2, hidden=np.True_).tokens.all()  # pyright: ignore[reportArgumentType]
    for language in LANGUAGES.values():
        assert np.isfinite(language.log_prob(language.sample(0, 3).tokens)).all()
    changed = resample_symbol(LANGUAGE, SAMPLE, 1, -2, 0, different=True).sample
    LAST.examples(changed, LANGUAGE, 0)  # sentences that the grammar cannot make, and say so by their levels


NOT_GIVEN = ("return", "centred_input", "seeds")
"""What is no argument, or comes from an architecture or an engine alone."""


def test_whoever_takes_a_flag_looks_at_it() -> None:
    """Functions, and methods of classes, that are re-exported: so that a new one cannot forget."""
    names = ("", ".curves", ".datasets", ".kernels", ".languages.corpora", ".probes", ".scoring", ".theory")
    modules = [importlib.import_module(f"syntagma{name}") for name in names]
    seen, forgotten = 0, []
    ones = [getattr(module, name) for module in modules for name in module.__all__ if name[0].isalpha()]
    for one in {id(one): one for one in ones if callable(one)}.values():
        methods = [f for name, f in vars(one).items() if name[0] != "_"] if inspect.isclass(one) else [one]
        for function in (getattr(method, "__func__", method) for method in methods if not inspect.ismodule(method)):
            annotations = getattr(inspect.unwrap(function), "__annotations__", {}) if callable(function) else {}
            flags = [
                name for name, kind in annotations.items() if name not in NOT_GIVEN and "bool" in kind.split(" | ")
            ]
            seen += len(flags)
            if flags and not hasattr(function, "__wrapped__"):
                forgotten.append(f"{getattr(one, '__name__', one)}.{function.__name__}: {flags}")
    assert seen > 20
    by_check_kind = ["Corpus.read: ['by_document']", "Store.mixed_environments: ['here']", "Store.open: ['read_only']"]
    assert [one for one in sorted(forgotten) if one not in by_check_kind] == []  # see test_checked_calls_of_files
