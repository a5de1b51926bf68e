"""Which sentences train, which choose and which test: the streams of one seed, the same for runs, scores and exports.

    train       the language's sample of seed 2 n
    validation  that of 2^41 + n
    test        that of 2 n + 1

n is the seed of a run, not of a grammar: `language.splits(train=1000, test=200, seed=0)` and a run with seed 0 have the
same sentences. Streams are independent of each other; a language of few sentences repeats some of them all the same.
Probes use 2^40 + n; below 2^39 no two of these meet.
"""

from __future__ import annotations

from typing import Literal, get_args

from syntagma.errors import invalid, unknown, whole_number

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
FIRST_VALIDATION_SEED = 2**41
FIRST_PROBE_SEED = 2**40


def stream_of(split: Split, seed: int) -> int:
    """The seed of the language's sample: `stream_of("test", 3)` is 7.

    Raises:
        InputError: no such split; a seed that is no whole number, or is below 0.
    """
    if split not in SPLITS:
        raise unknown("split", str(split), SPLITS)
    seed = whole_number("seed", seed, minimum=0)
    return {"train": 2 * seed, "validation": FIRST_VALIDATION_SEED + seed, "test": 2 * seed + 1}[split]


def checked_sizes_of_splits(train: object, validation: object, test: object) -> dict[Split, int]:
    """The splits that are asked for, with their numbers of sentences: `checked_sizes_of_splits(100, 0, 10)`.

    Raises:
        InputError: no whole numbers, or none above 0.
    """
    given = zip(SPLITS, (train, validation, test), strict=True)
    sizes: dict[Split, int] = {name: whole_number(name, size, minimum=0) for name, size in given}
    asked: dict[Split, int] = {name: size for name, size in sizes.items() if size}
    if not asked:
        raise invalid("splits", sizes, "no sentence is asked for", "Give numbers, as train=1000, test=200")
    return asked
