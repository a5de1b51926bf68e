"""Testing on another language than the one trained on: what the two must share, and the exact ratio of densities.

    E_test[g(x)] = E_train[ g(x) P_test(x) / P_train(x) ],   where P_train(x) > 0 wherever P_test(x) > 0

The shifted language is any other one over the same sentences: other concentrations, probabilities, matrices, rules.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Integer

from syntagma.errors import invalid
from syntagma.languages.language import Language, Source


def check_same_sentences(train: Source, test: Source) -> None:
    """Whether what is learned on `train` can be tested on `test`.

    Raises:
        InputError: they differ in vocabulary or sentence length.
    """
    for name in ("vocab", "sentence_length"):
        if getattr(train, name) != getattr(test, name):
            allowed = f"the language trained on has {name}={getattr(train, name)}"
            raise invalid(f"test_language.{name}", getattr(test, name), allowed, "Give both the same")


def log_density_ratio(tokens: Integer[np.ndarray, "n T"], train: Language, test: Language) -> Float[np.ndarray, " n"]:
    """log P_test(x) - log P_train(x) in nats: `inf` where only the test language can make x.

    Raises:
        InputError: the languages differ in vocabulary or length, or neither can make a sentence.
    """
    check_same_sentences(train, test)
    above, below = test.log_prob(tokens), train.log_prob(tokens)
    nowhere = np.isneginf(above) & np.isneginf(below)
    if nowhere.any():
        row = int(np.argmax(nowhere))
        raise invalid(f"tokens[{row}]", tokens[row].tolist(), "neither language can make it", "Leave it out")
    return above - below
