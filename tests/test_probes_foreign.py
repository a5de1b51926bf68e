"""Probes of networks from outside: the same tables as of the network itself, and what each position sees by trying."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from syntagma import HierarchicalCNN, HierarchySettings, LastToken, NextToken, RandomHierarchy, Transformer, probe
from syntagma.errors import InputError
from syntagma.languages.splits import FIRST_PROBE_SEED
from syntagma.probes.foreign import foreign_network
from syntagma.probes.observe import log_probabilities, observe
from syntagma.probes.tables import probe_tables
from test_learners import drawn

LANGUAGE = RandomHierarchy(4, 2, 2, 2, seed=2)


def of(network):
    """Its activations, as a stranger would give them."""
    return lambda inputs: {layer.name: layer.values for layer in observe(network, inputs).layers}


def test_the_tables_are_those_of_the_network_itself():
    task = LastToken()
    network = drawn(HierarchicalCNN(width=6), task.shape(LANGUAGE))
    sample = LANGUAGE.sample(FIRST_PROBE_SEED + 1, 300, hidden=True)
    expected = probe_tables(network, task, LANGUAGE, sample, seed=1)
    settings = HierarchySettings(vocab=4, rules=2, branching=2, depth=2, seed=2)
    predict = lambda inputs: log_probabilities(network, inputs)  # noqa: E731
    found = probe(settings, task, of(network), predict=predict, sentences=300, seed=1)
    assert [*found] == ["invariance", "readouts", "distances"]
    for name, table in found.items():
        for column in table.columns:
            ours, theirs = table[column].to_numpy(), expected[name][column].to_numpy()
            if ours.dtype.kind == "f":
                np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6, err_msg=f"{name} {column}")
            else:
                assert list(ours) == list(theirs)


def test_a_position_sees_what_changes_it():
    shape = NextToken().shape(LANGUAGE)
    network = drawn(Transformer(width=8, heads=2, layers=1), shape)
    inputs = NextToken().examples(LANGUAGE.sample(0, 40), LANGUAGE, 0).inputs
    found = foreign_network(of(network), shape, inputs)
    for layer in observe(network, inputs).layers:
        np.testing.assert_array_equal(found.sees[layer.name], layer.sees)
    pooled = foreign_network(lambda x: {"sum": np.eye(5)[x].sum(1), "third": x[:, 2:3]}, shape, inputs)
    assert pooled.sees["sum"].tolist() == [[True] * 4]
    assert pooled.sees["third"].tolist() == [[False, False, True, False]]


NUMBERS = itertools.count().__next__


def hidden(inputs):
    return {"one-hot": np.eye(5)[inputs]}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"activations": 3}, "activations=3 cannot be used: it must be something to call"),
        ({"activations": lambda x: x}, "it must give arrays by name"),
        ({"activations": lambda x: {}}, "it must give arrays by name"),
        ({"activations": lambda x: {"a": np.zeros(3)}}, "it must be (32, positions, width) or (32, width)"),
        ({"activations": lambda x: {"a": np.full((len(x), 2), np.nan)}}, "numbers that are not finite"),
        (
            {"activations": lambda x: {"a": np.full((len(x), 2), NUMBERS())}},
            "model.eval()",
        ),
        ({"activations": lambda x: {f"layer {NUMBERS()}": np.zeros((len(x), 2))}}, "Give the same names in every call"),
        (
            {"activations": lambda x: {"a": np.eye(5)[x]} | ({} if len(x) == 32 else {"b": x[:, :1]})},
            "at first it named",
        ),
        ({"only": "readouts"}, "only='readouts' cannot be used: it must be a list"),
        ({"task": "last-token"}, "it is of type str, not a Task"),
        ({"seed": -1}, "seed=-1"),
        ({"only": ["distances"]}, "only='distances' is unknown: there are invariance, readouts"),
        ({"sentences": 3}, "sentences=3"),
        ({"language": 3}, "not a language"),
    ],
)
def test_what_cannot_be_probed_is_refused_in_one_line(arguments, says):
    given = {"language": LANGUAGE, "task": LastToken(), "activations": hidden, "sentences": 100, **arguments}
    with pytest.raises(InputError) as caught:
        probe(**given)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
