"""What counting takes: against an enumeration of all sentences, and where no formula holds."""

from __future__ import annotations

import itertools
from collections import defaultdict

import numpy as np
import pytest

from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.theory import counting


def expansions(language: RandomHierarchy, level: int, symbol: int) -> dict[tuple[int, ...], float]:
    """Every string of tokens that a symbol becomes, with its probability."""
    if level == 0:
        return {(symbol,): 1.0}
    found: dict[tuple[int, ...], float] = defaultdict(float)
    for children in language.productions[level - 1][symbol]:
        parts = [expansions(language, level - 1, int(child)).items() for child in children]
        for chosen in itertools.product(*parts):
            string = tuple(itertools.chain.from_iterable(tokens for tokens, _ in chosen))
            found[string] += float(np.prod([share for _, share in chosen])) / language.rules
    return found


@pytest.mark.parametrize(("vocab", "rules", "branching", "depth"), [(4, 2, 2, 3), (5, 3, 2, 2), (3, 2, 3, 2)])
def test_half_of_all_blocks_enumerated_are_seen_at_the_threshold(
    vocab: int, rules: int, branching: int, depth: int
) -> None:
    language = RandomHierarchy(vocab, rules, branching, depth, seed=1)
    found = counting.thresholds(language)
    sentences = [expansions(language, depth, symbol) for symbol in range(language.num_classes)]
    for level, size in enumerate(found, start=1):
        blocks: dict[tuple[int, ...], float] = defaultdict(float)
        for strings in sentences:
            for string, share in strings.items():
                blocks[string[-(branching**level) :]] += share / language.num_classes
        shares = np.array(list(blocks.values()))
        assert shares.sum() == pytest.approx(1)
        assert shares @ (1 - (1 - shares) ** size) == pytest.approx(0.5, abs=1e-9)


def test_what_one_sentence_shows_takes_one_and_unequal_rules_have_no_number() -> None:
    assert counting.thresholds(RandomHierarchy(4, 1, 2, 2, num_classes=1)).tolist() == [1.0, 1.0]
    assert np.isnan(counting.thresholds(RandomHierarchy(4, 2, 2, 2, rule_probabilities=1.0))).all()


def test_at_level_3_counting_grows_far_faster_than_correlations_do() -> None:
    few, many = (counting.thresholds(RandomHierarchy(32, m, 2, 3, seed=0)) for m in (4, 8))
    assert np.log2(many / few) == pytest.approx([1, 3, 7], abs=0.35)  # v m, v m^3, v m^7
