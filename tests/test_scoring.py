"""Models from outside: their scores by sums made here, what they may return, what is refused, and their curves."""

from __future__ import annotations

import contextlib
import inspect
import re
import sys
import textwrap
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import syntagma
from syntagma import (
    Counter,
    DirichletMultinomial,
    HierarchicalCNN,
    HierarchySettings,
    LastToken,
    MaskedToken,
    NextToken,
    RandomHierarchy,
    RootClass,
    SymmetryTarget,
    TreeOracle,
    curve_of,
    score,
)
from syntagma.errors import InputError
from syntagma.estimate import Estimate
from syntagma.languages.splits import stream_of
from syntagma.learners import fit
from syntagma.learners.torch_module import as_function
from syntagma.plot import Line, learning_curves, with_curves
from syntagma.sweep.runs import Run, Runner

LANGUAGE = RandomHierarchy(4, 2, 2, 3, seed=2)
ORACLE = TreeOracle(LANGUAGE)
TINY = 1e-12
FEW = 200


def observer(window: int) -> Any:
    """Who knows the language and sees the last `window` tokens; never quite sure."""
    places = np.arange(8)

    def predict(inputs):
        tokens = np.where(inputs == 4, 0, inputs)
        truth = ORACLE.posterior(tokens, (places < 7) & (places >= 7 - window))
        return np.log((truth + TINY) / (truth + TINY).sum(1, keepdims=True))

    return predict


def next_tokens(inputs):
    """The exact oracle of every position, from the inputs that the task gives."""
    tokens = np.concatenate([inputs[:, 1:], np.zeros((len(inputs), 1), int)], axis=1)
    return np.log(ORACLE.next_token(tokens) + 1e-300)


def uniform(inputs):
    return np.full((len(inputs), 4), -np.log(4))


def test_the_score_is_the_mean_over_the_test_sentences_of_a_run():
    found = score(LANGUAGE, LastToken(), observer(3), seed=5, sentences=FEW)
    tokens = LANGUAGE.sample(2 * 5 + 1, FEW).tokens
    losses, best, right = [], [], 0
    for sentence in tokens:
        before = np.arange(8) < 7
        p3 = ORACLE.posterior(sentence[None], before & (np.arange(8) >= 4))[0]
        p7 = ORACLE.posterior(sentence[None], before)[0]
        losses.append(-np.log(p3[sentence[-1]]))
        best.append(-np.log(p7[sentence[-1]]))
        right += int(p3.argmax() == sentence[-1])
    excess = np.array(losses) - np.array(best)
    assert found.loss.value == pytest.approx(np.mean(losses))
    assert found.loss.standard_error == pytest.approx(np.std(losses, ddof=1) / FEW**0.5)
    assert found.oracle == pytest.approx(np.mean(best))
    assert found.excess.value == pytest.approx(excess.mean())
    assert found.excess.standard_error == pytest.approx(excess.std(ddof=1) / FEW**0.5)
    assert found.accuracy == right / FEW
    assert (found.sentences, found.seed, found.task, found.positions) == (FEW, 5, "last-token", ())


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_an_observer_of_a_level_is_found_to_know_that_level(level):
    found = score(LANGUAGE, LastToken(), observer(2**level - 1), sentences=FEW)
    assert found.level_learned == level
    assert [one.level for one in found.observers] == [0, 1, 2, 3]
    assert [one.context for one in found.observers] == [0, 1, 3, 7]
    assert found.observers[level].nats.value == pytest.approx(0, abs=1e-9)
    assert found.context_learned == 2**level - 1
    others = [one.nats.value for one in found.observers if one.level != level]
    assert min(others) > 0.01


def test_the_exact_oracle_has_no_excess_at_any_position():
    found = score(LANGUAGE, NextToken(), next_tokens, sentences=FEW)
    assert found.excess.value == pytest.approx(0, abs=1e-12)
    assert [one.position for one in found.positions] == list(range(8))
    assert max(abs(one.excess.value) for one in found.positions) < 1e-12
    assert found.loss.value * 8 == pytest.approx(-LANGUAGE.log_prob(LANGUAGE.sample(1, FEW).tokens).mean())
    assert found.level_learned == 3


def test_a_model_may_leave_out_the_first_token():
    found = score(LANGUAGE, NextToken(), lambda inputs: next_tokens(inputs)[:, 1:], sentences=FEW)
    whole = score(LANGUAGE, NextToken(), next_tokens, sentences=FEW)
    assert [one.position for one in found.positions] == list(range(1, 8))
    assert found.positions == whole.positions[1:]
    assert found.loss.value == pytest.approx(np.mean([one.loss.value for one in whole.positions[1:]]))


def test_a_model_with_a_context_is_compared_with_the_oracle_of_that_context():
    found = score(LANGUAGE, LastToken(), observer(3), context=3, sentences=FEW)
    assert found.excess.value == pytest.approx(0, abs=1e-9)
    every = score(LANGUAGE, NextToken(), next_tokens, context=2, sentences=FEW)
    assert every.context == 2
    assert all(abs(one.excess.value) < 1e-12 for one in every.positions[:3])
    assert every.positions[-1].excess.value < 0  # it sees more than the oracle may


def test_other_tasks_and_languages_have_scores_too():
    def root(inputs):
        return np.log(ORACLE.label_posterior(inputs) + 1e-300)

    assert score(LANGUAGE, RootClass(), root, sentences=FEW).excess.value == pytest.approx(0, abs=1e-12)
    masked = score(LANGUAGE, MaskedToken(), uniform, sentences=FEW)
    assert masked.loss.value == pytest.approx(np.log(4))
    assert masked.excess.value > 0.5
    assert masked.level_learned is None
    urn = DirichletMultinomial(vocab=4, sentence_length=6)
    found = score(urn, LastToken(), uniform, sentences=FEW)
    assert found.observers[0].nats.value == pytest.approx(0, abs=1e-12)  # of nothing seen: uniform, too
    assert found.context_learned == 0
    assert found.level_learned is None
    target = SymmetryTarget(partition=(7, 1), noise=0.1)
    number = score(LANGUAGE, target, lambda inputs: np.zeros((len(inputs), 1)), sentences=FEW)
    examples = target.examples(LANGUAGE.sample(1, FEW), LANGUAGE, 1)
    assert number.loss.value == pytest.approx((examples.targets**2).mean())
    assert number.oracle == pytest.approx(0.01, rel=0.5)


def test_settings_serve_as_well_as_the_language():
    settings = HierarchySettings(vocab=4, rules=2, branching=2, depth=3, seed=2)
    assert score(settings, LastToken(), uniform, sentences=FEW) == score(LANGUAGE, LastToken(), uniform, sentences=FEW)


def test_a_run_and_the_score_of_its_predictor_agree():
    settings = HierarchySettings(vocab=4, rules=2, branching=2, depth=3, seed=2)
    sizes = {"num_examples": 100, "test_examples": FEW, "validation_examples": FEW}
    run = Run(language=settings, task=LastToken(), learner=Counter(), training=None, seed=3, **sizes)
    metrics = Runner().execute([run])[0]
    parts = LANGUAGE.splits(train=100, validation=FEW, test=FEW, seed=3)
    sets = [LastToken().examples(part, LANGUAGE, 0) for part in parts.values()]
    predictor = fit(Counter(), LastToken().shape(LANGUAGE), None, *sets).predictor
    found = score(LANGUAGE, LastToken(), predictor, seed=3, sentences=FEW)
    for name in ("test_loss", "test_loss_error", "oracle_loss", "excess_loss", "excess_loss_error", "test_accuracy"):
        assert found.metrics()[name] == pytest.approx(metrics[name]), name


def test_readers_are_other_predictors_or_learners_fitted_on_the_same_sentences():
    found = score(
        LANGUAGE, LastToken(), uniform, num_examples=50, sentences=FEW, readers={"same": uniform, "counter": Counter()}
    )
    same, counter = found.readers
    assert (same.of, same.nats.value) == ("same", pytest.approx(0, abs=1e-12))
    parts = LANGUAGE.splits(train=50, validation=2048, test=FEW)
    train, held, test = (LastToken().examples(part, LANGUAGE, 0) for part in parts.values())
    predictor = fit(Counter(), LastToken().shape(LANGUAGE), None, train, held, held).predictor
    logs = predictor(test.inputs)
    assert counter.nats.value == pytest.approx((np.exp(logs) * (logs + np.log(4))).sum(1).mean())
    assert [*found.tables()] == ["score", "observers", "readers"]


def test_readers_are_compared_at_the_positions_that_both_predict():
    def exact(inputs):
        with np.errstate(divide="ignore"):
            return np.log(ORACLE.next_token(np.concatenate([inputs[:, 1:], inputs[:, :1] * 0], axis=1)))

    found = score(
        LANGUAGE, NextToken(), lambda inputs: exact(inputs)[:, 1:], sentences=FEW, readers={"the same": exact}
    )
    assert found.readers[0].nats.value == pytest.approx(0, abs=1e-9)


def test_who_gives_what_can_be_no_probability_has_learned_no_level():
    def narrow(inputs):
        best = ORACLE.next_token(np.concatenate([inputs[:, :-1], inputs[:, :1] * 0], axis=1))[:, -1]
        rows = np.full((len(inputs), 4), -np.inf)
        for row, p in zip(rows, best, strict=True):
            likely = np.argsort(p)[-max(1, (p > 0).sum()) :]
            row[likely] = -np.log(len(likely))
        return rows

    found = score(LANGUAGE, LastToken(), narrow, sentences=FEW)
    assert not any(np.isfinite(one.nats.value) for one in found.observers[:1])
    assert found.level_learned == 3
    nothing = replace(found, observers=tuple(replace(one, nats=Estimate(np.inf, np.nan)) for one in found.observers))
    assert (nothing.level_learned, nothing.context_learned) == (None, None)


class Tensor:
    """As one of PyTorch's: with a gradient, and on another device, NumPy cannot read it."""

    def __init__(self, array: Any, state: str = "gradient") -> None:
        self.array, self.state = array, state

    def __array__(self, *arguments: Any, **rest: Any) -> Any:
        if self.state != "host":
            raise RuntimeError(f"Can't call numpy() on a Tensor: {self.state}")
        return self.array

    def detach(self):
        return Tensor(self.array, "device")

    def cpu(self):
        assert self.state == "device"
        return Tensor(self.array, "bfloat16")

    def double(self):
        assert self.state == "bfloat16"
        return Tensor(self.array, "host")


@pytest.mark.parametrize("form", [Tensor, jnp.asarray, np.ndarray.tolist, lambda a: a.astype(np.float16)])
def test_answers_of_any_library_are_read(form):
    found = score(LANGUAGE, LastToken(), lambda inputs: form(uniform(inputs)), sentences=FEW, batch=64)
    assert found.loss.value == pytest.approx(np.log(4), rel=1e-6)


def test_inputs_come_in_batches_and_may_be_written_to():
    sizes = []

    def predict(inputs):
        sizes.append(len(inputs))
        assert inputs.dtype == np.int64
        assert (inputs[:, -1] == 4).all()
        inputs[:] = 0
        return uniform(inputs)

    assert score(LANGUAGE, LastToken(), predict, sentences=FEW, batch=150).loss.value == pytest.approx(np.log(4))
    assert sizes == [150, 50]


def rows(value: Any, width: int = 4) -> Any:
    return lambda inputs: np.full((len(inputs), width), value)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"predict": 3}, "predict=3 cannot be used: it must be something to call. Give a function"),
        ({"predict": rows(0.25)}, "gives no log-probabilities but probabilities: at [0]"),
        ({"predict": rows(3.0)}, "but logits, it seems"),
        ({"predict": rows(np.nan)}, "gives NaN or infinity for sentence 0"),
        ({"predict": rows(-np.inf)}, "gives probability 0 to every answer"),
        ({"predict": rows(-np.log(5), 5)}, "predict.shape=(200, 5) cannot be used: it must be (200, 4). Give 4"),
        ({"predict": lambda x: {"a": 1}}, "no array of numbers, but of type dict"),
        ({"predict": lambda x: "text"}, "of type str"),
        ({"predict": lambda x: np.tile([0, *[-np.inf] * 3], (len(x), 1))}, "its loss is infinite"),
        ({"context": 8}, "a token has at most 7 before it"),
        ({"context": 1, "task": MaskedToken()}, "the task is not about the tokens before one"),
        ({"sentences": 1}, "sentences=1"),
        ({"seed": -1}, "seed=-1"),
        ({"batch": 0}, "batch=0"),
        ({"num_examples": 0}, "num_examples=0"),
        ({"readers": {"counter": Counter()}}, "the reader 'counter' has to be fitted"),
        ({"readers": {"a": HierarchicalCNN()}, "num_examples": 9}, "'cnn' is a learner that gives no log-prob"),
        ({"language": "english"}, "it is of type str, not a language"),
        ({"task": "last-token"}, "task='last-token' cannot be used: it is of type str, not a Task"),
        ({"name": 3}, "name=3 cannot be used: it is of type int, not text"),
        ({"readers": [uniform]}, "it must be a dictionary"),
    ],
)  # fmt: skip
def test_what_cannot_be_scored_is_refused_in_one_line(arguments, says):
    given = {"language": LANGUAGE, "task": LastToken(), "predict": uniform, "sentences": FEW, **arguments}
    with pytest.raises(InputError) as caught:
        score(**given)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_several_sizes_make_a_curve_that_is_drawn_beside_others():
    models = {16: [observer(0), observer(1)], 64: [observer(1), observer(3)], 256: observer(7)}
    curve = score(LANGUAGE, LastToken(), models, sentences=FEW, name="mine")
    assert curve.num_examples.tolist() == [16, 64, 256]
    assert curve.seeds == (0, 1)
    one = score(LANGUAGE, LastToken(), observer(3), seed=1, sentences=FEW)
    assert curve.losses[1, 1] == one.loss.value
    assert np.isnan(curve.losses[1, 2])
    figure = learning_curves({"mine": curve, "other": curve}, plateaus=[1.3, 0.9, 0.5])
    assert figure.keys()[:2]
    assert "mine" in {mark.label for mark in figure.legend_entries()}


def test_a_curve_of_scores_may_be_of_another_number():
    scores = [
        score(LANGUAGE, LastToken(), observer(window), num_examples=size, sentences=FEW, name="mine")
        for size, window in ((16, 1), (64, 3))
    ]
    curve = curve_of(scores, "excess_loss")
    assert curve.losses[0].tolist() == [one.excess.value for one in scores]
    assert curve.name == "mine"
    with pytest.raises(InputError, match="a score has test_loss, test_loss_error"):
        curve_of(scores, "loss")
    with pytest.raises(InputError, match="Give each a seed of its own"):
        curve_of([scores[0], scores[0]])
    with pytest.raises(InputError, match="one point or more"):
        curve_of([])
    with pytest.raises(InputError, match="Give it to score"):
        curve_of([score(LANGUAGE, LastToken(), uniform, sentences=FEW)])


# --- splits -----------------------------------------------------------------------------------------------------------


def test_splits_are_one_grammar_and_the_streams_of_runs():
    parts = LANGUAGE.splits(train=20, validation=5, test=7, seed=3)
    assert [*parts] == ["train", "validation", "test"]
    for name, number, seed in (("train", 20, 6), ("validation", 5, 2**41 + 3), ("test", 7, 7)):
        assert (parts[name].tokens == LANGUAGE.sample(seed, number).tokens).all()
        assert stream_of(name, 3) == seed
    assert [*LANGUAGE.splits(test=3)] == ["test"]
    assert LANGUAGE.splits(test=3, hidden=True)["test"].levels is not None
    with pytest.raises(InputError, match="no sentence is asked for"):
        LANGUAGE.splits()
    with pytest.raises(InputError, match="train=-1"):
        LANGUAGE.splits(train=-1)
    with pytest.raises(InputError, match=r"seed=1\.5"):
        LANGUAGE.splits(train=1, seed=1.5)


def test_the_first_screen_is_at_the_root():
    for name in ("certificate", "decompose", "correlations", "threshold", "learning_curve", "score", "probe"):
        assert f"{name}(" in (getattr(syntagma, name).__doc__ or ""), name
    assert syntagma.plot.learning_curves is learning_curves
    assert syntagma.threshold(LANGUAGE, 2, "tokens") == pytest.approx(
        syntagma.correlations(LANGUAGE)[1].examples_needed
    )
    with pytest.raises(InputError, match="levels 1 to 3"):
        syntagma.threshold(LANGUAGE, 4)


def example_of(name: str) -> str:
    """The call that a docstring shows after "Example:", in one line or in lines of their own."""
    text = inspect.getdoc(getattr(syntagma, name)) or ""
    line = re.search(r"Example: `([^`]+)`", text)
    block = re.search(r"Example: [^`]+:\n\n((?:    .*\n?)+)", text)
    return line[1] if line else textwrap.dedent(block[1]) if block else ""


@pytest.mark.parametrize("name", sorted(set(syntagma.__all__) - {"__version__", "plot", "load", "learning_curve"}))
def test_every_name_at_the_root_shows_a_call_that_works(name, tmp_path, monkeypatch):
    assert re.search(rf"\b{name}(\.\w+)?\(|score\(", inspect.getdoc(getattr(syntagma, name)) or ""), name
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mybook.txt").write_text("a text of a few words, again and again. " * 400)
    names = {one: getattr(syntagma, one) for one in syntagma.__all__}
    exec(example_of(name), names | {"np": np, "language": LANGUAGE, "predict": uniform})


def test_a_curve_is_drawn_on_the_figure_of_a_study():
    curve = curve_of([score(LANGUAGE, LastToken(), uniform, num_examples=n, sentences=8) for n in (8, 16)], name="mine")
    figure = learning_curves({"cnn": replace(curve, name="CNN")}, plateaus=(1.5, 1.0))
    both = with_curves(figure, {"mine": curve})
    marks = both.panels[0].marks
    assert list(marks[: len(figure.panels[0].marks)]) == list(figure.panels[0].marks)
    assert [mark.label for mark in marks if isinstance(mark, Line)][-1] == "mine"
    assert both.panels[0].y == figure.panels[0].y
    with pytest.raises(InputError, match="panel=1 cannot be used: the figure has 1"):
        with_curves(figure, {"mine": curve}, panel=1)


# --- a module of PyTorch as it is -------------------------------------------------------------------------------------


def test_a_torch_module_is_evaluated_and_left_as_it_was():
    torch = pytest.importorskip("torch")

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.symbols, self.drop, self.frozen = torch.nn.Embedding(5, 4), torch.nn.Dropout(), torch.nn.Dropout()

        def forward(self, tokens):
            assert not torch.is_grad_enabled()
            return self.frozen(self.drop(self.symbols(tokens[:, -2]))).log_softmax(-1)

    model = Model()
    model.frozen.eval()
    first, again = (score(LANGUAGE, LastToken(), model, sentences=64) for _ in range(2))
    assert first == again  # nothing is dropped
    assert [model.training, model.drop.training, model.frozen.training] == [True, True, False]
    weights = model.symbols.weight.detach().log_softmax(-1).double().numpy()
    by_hand = score(LANGUAGE, LastToken(), lambda tokens: weights[tokens[:, -2]], sentences=64)
    assert abs(first.loss.value - by_hand.loss.value) < 1e-6
    tables = syntagma.probe(LANGUAGE, LastToken(), model_of_layers(torch), sentences=64, only=["readouts"])
    assert tables["readouts"]["layer"].unique().tolist() == ["hidden"]


def model_of_layers(torch: Any) -> Any:
    class Layers(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.symbols = torch.nn.Embedding(5, 4)

        def forward(self, tokens):
            return {"hidden": self.symbols(tokens)}

    return Layers()


def test_what_is_no_module_stays_as_it_is(monkeypatch):
    """Without PyTorch, and beside it: a stand-in says what is done with a module."""
    assert as_function(uniform) is uniform

    class Module:
        training = True

        def parameters(self):
            return iter(())

        def modules(self):
            return [self]

        def eval(self):
            self.training = False

        def __call__(self, inputs):
            assert inputs == ("tensor", 7, None)
            return "answers" if not self.training else "noise"

    nothing = SimpleNamespace(no_grad=contextlib.nullcontext, nn=SimpleNamespace(Module=Module))
    nothing.as_tensor = lambda inputs, device: ("tensor", inputs, device)
    monkeypatch.setitem(sys.modules, "torch", nothing)
    model = Module()
    assert as_function(model)(7) == "answers"  # pyright: ignore[reportArgumentType]
    assert model.training
    assert as_function(uniform) is uniform
