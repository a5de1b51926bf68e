"""Inputs and targets by hand, and oracles against probabilities of whole sentences."""

from __future__ import annotations

import itertools
from typing import Literal

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from syntagma.errors import InputError
from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.languages.language import Language, Sample, Source
from syntagma.oracles import TreeOracle
from syntagma.tasks import (
    AnyTask,
    Examples,
    Label,
    LastToken,
    MaskedToken,
    NextToken,
    RootClass,
    Shape,
    SymmetryTarget,
    Task,
)

LANGUAGE = RandomHierarchy(vocab=4, rules=2, branching=2, depth=2, num_classes=3, seed=0)
UNEQUAL = RandomHierarchy(vocab=4, rules=3, branching=2, depth=2, rule_probabilities=1.0, seed=1)
EVERYTHING = RandomHierarchy(vocab=4, rules=4, branching=2, depth=2, seed=0)  # f = 1: it makes every string
both = pytest.mark.parametrize("language", [LANGUAGE, UNEQUAL], ids=["equal rules", "Zipf rules"])

TINY = Sample(np.array([[0, 1, 2, 3], [3, 3, 0, 1]], np.uint8))


class Flat(Language):
    """Two sentences, and nothing known of them."""

    vocab, sentence_length = 4, 4

    def sample(self, seed: int, num_sentences: int, *, hidden: bool = False) -> Sample:
        return TINY

    def log_prob(self, tokens: np.ndarray) -> np.ndarray:
        return np.zeros(len(tokens))


class Labelled(Source):
    """Sentences with labels that a test fills in."""

    vocab, sentence_length = 4, 4

    def __init__(self, labels: Literal["class", "token", "number"], num_classes: int | None = None) -> None:
        self.label_kind, self.num_classes = labels, num_classes

    def sample(self, seed: int, num_sentences: int, *, hidden: bool = False) -> Sample:
        return TINY


def of_every_token(language: RandomHierarchy, sentence: np.ndarray, position: int) -> np.ndarray:
    """P(token at `position` | all others), from the probabilities of the v whole sentences."""
    sentences = np.repeat(sentence[None], language.vocab, axis=0)
    sentences[:, position] = np.arange(language.vocab)
    probabilities = np.exp(language.log_prob(sentences))
    return probabilities / probabilities.sum()


def test_last_token_by_hand():
    examples = LastToken().examples(TINY, EVERYTHING, 0)
    np.testing.assert_array_equal(examples.inputs, [[0, 1, 2, 4], [3, 3, 0, 4]])
    np.testing.assert_array_equal(examples.targets, [3, 1])
    np.testing.assert_array_equal(TINY.tokens[:, -1], [3, 1])  # the sample is left as it is
    assert len(examples) == 2
    assert LastToken().shape(EVERYTHING) == Shape(vocab=4, length=4, outputs=4, reads="once", branching=2)


def test_next_token_by_hand():
    examples = NextToken().examples(TINY, EVERYTHING, 0)
    np.testing.assert_array_equal(examples.inputs, [[4, 0, 1, 2], [4, 3, 3, 0]])
    np.testing.assert_array_equal(examples.targets, TINY.tokens)
    assert NextToken().shape(EVERYTHING) == Shape(vocab=4, length=4, outputs=4, reads="every", branching=2)


@pytest.mark.parametrize("position", [1, -3])
def test_masked_token_by_hand(position):
    task = MaskedToken(position=position)
    examples = task.examples(TINY, EVERYTHING, 0)
    np.testing.assert_array_equal(examples.inputs, [[0, 4, 2, 3], [3, 4, 0, 1]])
    np.testing.assert_array_equal(examples.targets, [1, 3])
    assert task.shape(EVERYTHING) == Shape(vocab=4, length=4, outputs=4, reads="once", branching=2)


def test_masked_positions_are_drawn_evenly_from_the_seed():
    sample = LANGUAGE.sample(0, 4000)
    examples = MaskedToken().examples(sample, LANGUAGE, 5)
    hidden = examples.inputs == LANGUAGE.vocab
    assert (hidden.sum(axis=1) == 1).all()
    np.testing.assert_array_equal(sample.tokens[hidden], examples.targets)
    np.testing.assert_array_equal(np.where(hidden, examples.targets[:, None], examples.inputs), sample.tokens)
    counts = hidden.sum(axis=0)
    assert (np.abs(counts - 1000) < 4 * np.sqrt(4000 * 0.25 * 0.75)).all()
    np.testing.assert_array_equal(examples.inputs, MaskedToken().examples(sample, LANGUAGE, 5).inputs)
    assert not np.array_equal(examples.inputs, MaskedToken().examples(sample, LANGUAGE, 6).inputs)


def test_root_class_is_the_root():
    sample = LANGUAGE.sample(0, 50, hidden=True)
    assert sample.levels is not None
    examples = RootClass().examples(sample, LANGUAGE, 0)
    np.testing.assert_array_equal(examples.inputs, sample.tokens)
    np.testing.assert_array_equal(examples.targets, sample.levels[2][:, 0])
    assert set(examples.targets) == {0, 1, 2}
    assert RootClass().shape(LANGUAGE) == Shape(vocab=4, length=4, outputs=3, reads="once", branching=2)
    posterior = RootClass().oracle(LANGUAGE, examples)  # parsing is unambiguous: the root is certain
    np.testing.assert_allclose(posterior, np.eye(3)[examples.targets], atol=1e-12)
    np.testing.assert_allclose(RootClass().oracle_losses(LANGUAGE, examples), 0.0, atol=1e-12)


@pytest.mark.parametrize("vocab", [254, 255, 256, 300])
def test_the_mask_symbol_fits_where_the_tokens_fill_their_type(vocab):
    language = RandomHierarchy(vocab=vocab, rules=1, branching=2, depth=1, seed=0)
    sample = language.sample(0, 20)
    for task, masks in ((LastToken(), [-1]), (NextToken(), [0]), (MaskedToken(position=0), [0])):
        inputs = task.examples(sample, language, 0).inputs
        assert (inputs[:, masks] == vocab).all()
        assert (inputs == vocab).sum() == len(inputs)


@both
def test_oracle_of_one_token_equals_probabilities_of_whole_sentences(language):
    sample = language.sample(3, 60)
    for task, where in ((LastToken(), 3), (MaskedToken(position=1), 1), (MaskedToken(position=-2), 2)):
        examples = task.examples(sample, language, 0)
        expected = np.array([of_every_token(language, x, where) for x in sample.tokens])
        np.testing.assert_allclose(task.oracle(language, examples), expected, rtol=1e-10, atol=1e-14)
        losses = -np.log(expected[np.arange(60), sample.tokens[:, where]])
        np.testing.assert_allclose(task.oracle_losses(language, examples), losses, rtol=1e-10, atol=1e-12)
    examples = MaskedToken().examples(sample, language, 0)
    where = np.argmax(examples.inputs == language.vocab, axis=1)
    expected = np.array([of_every_token(language, x, i) for x, i in zip(sample.tokens, where, strict=True)])
    np.testing.assert_allclose(MaskedToken().oracle(language, examples), expected, rtol=1e-10, atol=1e-14)


@both
def test_oracle_loss_is_the_exact_entropy(language):
    plateau = TreeOracle(language).plateaus()[-1]
    assert plateau.standard_error == 0
    task = LastToken()
    losses = task.oracle_losses(language, task.examples(language.sample(1, 20_000), language, 1))
    standard_error = losses.std(ddof=1) / np.sqrt(len(losses))
    assert standard_error < 0.02
    assert abs(losses.mean() - plateau.value) < 4 * standard_error


@both
def test_next_token_losses_sum_to_the_log_probability(language):
    sample = language.sample(2, 100)
    task = NextToken()
    examples = task.examples(sample, language, 0)
    losses = task.oracle_losses(language, examples)
    np.testing.assert_allclose(losses * language.sentence_length, -language.log_prob(sample.tokens), rtol=1e-10)
    last = LastToken().oracle(language, LastToken().examples(sample, language, 0))
    np.testing.assert_allclose(task.oracle(language, examples)[:, -1], last, rtol=1e-10, atol=1e-14)


@both
def test_masked_token_at_the_last_position_is_last_token(language):
    sample = language.sample(4, 100)
    last = LastToken().examples(sample, language, 0)
    for position in (-1, language.sentence_length - 1):
        task = MaskedToken(position=position)
        masked = task.examples(sample, language, 9)
        np.testing.assert_array_equal(masked.inputs, last.inputs)
        np.testing.assert_array_equal(masked.targets, last.targets)
        np.testing.assert_array_equal(task.oracle(language, masked), LastToken().oracle(language, last))


def test_tasks_refuse_what_they_cannot_ask():
    for position in (4, -5):
        with pytest.raises(InputError, match=f"position={position} cannot be used: sentences have 4 tokens"):
            MaskedToken(position=position).shape(LANGUAGE)
    with pytest.raises(InputError, match="sample with hidden=True"):
        RootClass().examples(LANGUAGE.sample(0, 2), LANGUAGE, 0)

    assert LastToken().shape(Flat()).branching == 1
    with pytest.raises(InputError, match="Flat has no root classes"):
        RootClass().shape(Flat())


ALL_TASKS: list[Task] = [
    LastToken(), NextToken(), MaskedToken(), MaskedToken(position=2), RootClass(), Label(),
    SymmetryTarget(partition=(3, 1), seed=2, noise=0.5),
]  # fmt: skip


@pytest.mark.parametrize("task", ALL_TASKS)
def test_tasks_are_told_apart_by_kind(task):
    adapter: TypeAdapter[AnyTask] = TypeAdapter(AnyTask)
    assert adapter.validate_json(task.model_dump_json()) == task
    with pytest.raises(ValidationError):
        adapter.validate_python({"kind": "first-token"})


@pytest.mark.parametrize("task", ALL_TASKS)
def test_whether_there_is_an_oracle_can_be_asked_beforehand(task):
    assert task.has_oracle(LANGUAGE) is not isinstance(task, Label)  # a grammar's sentences have a root, no label
    flat = Flat()
    assert task.has_oracle(flat) is isinstance(task, SymmetryTarget)
    if isinstance(task, LastToken | NextToken | MaskedToken):
        with pytest.raises(InputError, match="Flat has no exact oracle for tokens: ask has_oracle beforehand"):
            task.oracle_losses(flat, task.examples(TINY, flat, 0))


def test_labels_are_classes_tokens_or_numbers():
    sizes = {"vocab": 4, "length": 4}
    assert Label().shape(Labelled("class", 7)) == Shape(**sizes, outputs=7)
    assert Label().shape(Labelled("token")) == Shape(**sizes, outputs=4)
    assert Label().shape(Labelled("number")) == Shape(**sizes, outputs=1, loss="squared")
    numbers = Sample(TINY.tokens, labels=np.array([0.5, -2.0]))
    examples = Label().examples(numbers, Labelled("number"), 0)
    np.testing.assert_array_equal(examples.inputs, TINY.tokens)
    np.testing.assert_array_equal(examples.targets, [0.5, -2.0])
    assert not Label().has_oracle(Labelled("class", 7))
    with pytest.raises(InputError, match="Labelled has no exact oracle for labels"):
        Label().oracle_losses(Labelled("number"), examples)
    with pytest.raises(InputError, match="task='label' cannot be used: Flat does not label its sentences"):
        Label().shape(Flat())
    with pytest.raises(InputError, match="task='label' needs labels: sample with hidden=True"):
        Label().examples(TINY, Labelled("number"), 0)


@pytest.mark.parametrize("partition", [(4,), (3, 1)])
def test_symmetry_target_is_a_fixed_function_plus_noise(partition):
    language = EVERYTHING
    tokens = np.array(list(itertools.product(range(4), repeat=4)), np.uint8)
    quiet, noisy = (SymmetryTarget(partition=partition, seed=3, noise=noise) for noise in (0.0, 0.5))
    assert quiet.shape(language) == Shape(vocab=4, length=4, outputs=1, branching=2, loss="squared")
    values = quiet.examples(Sample(tokens), language, 0).targets
    assert values.shape == (256,)
    assert values.dtype == np.float64
    np.testing.assert_allclose([values.mean(), values.var()], [0.0, 1.0], atol=1e-12)
    sums = np.array([values[(np.sort(tokens, 1) == np.sort(x)).all(1)].mean() for x in tokens])  # over rearrangements
    np.testing.assert_allclose(sums, values if len(partition) == 1 else 0.0, atol=1e-12)
    np.testing.assert_array_equal(quiet.oracle_losses(language, quiet.examples(Sample(tokens), language, 0)), 0.0)
    many = language.sample(0, 20_000)
    losses = noisy.oracle_losses(language, noisy.examples(many, language, 1))
    assert abs(losses.mean() - 0.25) < 4 * losses.std() / np.sqrt(len(losses))
    few = Sample(many.tokens[:50])
    np.testing.assert_array_equal(
        noisy.examples(few, language, 1).targets, noisy.examples(many, language, 1).targets[:50]
    )
    assert not np.array_equal(noisy.examples(few, language, 1).targets, noisy.examples(few, language, 2).targets)
    strong = SymmetryTarget(partition=partition, seed=3, scale=5.0).examples(Sample(tokens), language, 0).targets
    np.testing.assert_allclose(strong, 5 * quiet.examples(Sample(tokens), language, 0).targets)
    other = SymmetryTarget(partition=partition, seed=4).examples(Sample(tokens), language, 0).targets
    assert abs(np.corrcoef(values, other)[0, 1]) < 0.99


def test_a_partition_must_be_of_the_sentence_length():
    with pytest.raises(InputError, match=r"partition=\(4, 1\) cannot be used"):
        SymmetryTarget(partition=(4, 1)).shape(LANGUAGE)


def test_examples_count_sentences():
    assert len(Examples(np.zeros((7, 4), np.uint8), np.zeros(7, np.uint8))) == 7
