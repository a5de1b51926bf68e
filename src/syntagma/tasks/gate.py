"""The one gate for examples: whatever trains, measures, probes or asks an oracle looks at them here first.

Arrays pass in any form: of any integer type, read-only or not, in any order in memory, NumPy's or JAX's, or as nested
lists of whole numbers. What comes out has the smallest unsigned type that holds it, row after row in memory, as tasks
make it, so that results do not depend on the form and one compiled program serves all. Everything else is refused in
one line, before anything is computed: other shapes, tokens that are no whole numbers or not in the vocabulary, targets
that are no answer of the task, unequal numbers of inputs and targets, and sentences that the language cannot make.
Cost: one pass over the arrays, and the probability of a few sentences.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Num

from syntagma.errors import InputError, invalid
from syntagma.languages._tokens import checked_tokens
from syntagma.languages.language import Language, Sample, Source
from syntagma.tasks.shape import Examples, Shape

_LOOKED_AT = 32  # sentences of a sample whose probability is computed


def checked_examples(examples: Any, shape: Shape, field: str = "examples") -> Examples:
    """`examples` as arrays that fit `shape`: `checked_examples(Examples([[0, 2]], [1]), Shape(2, 2, 2))`.

    Inputs are whole numbers from 0 to `shape.vocab`, the mask symbol. Targets are whole numbers in [0, outputs), or
    finite real numbers where the loss is squared.

    Args:
        examples: what was given.
        shape: of the task.
        field: what errors call the examples.

    Raises:
        InputError: they do not fit; the message names the first thing that does not.
    """
    check_shape(shape)
    if not isinstance(examples, Examples):
        raise invalid(field, examples, f"it is {_kind(examples)}, not Examples", "Make them with task.examples(...)")
    inputs = checked_tokens(examples.inputs, shape.vocab + 1, shape.length, field=f"{field}.inputs")
    inputs = inputs.astype(np.min_scalar_type(shape.vocab), copy=False)
    return Examples(inputs, _checked_targets(examples.targets, shape, len(inputs), f"{field}.targets"))


def checked_sample(sample: Any, language: Any, field: str = "sample") -> Sample:
    """`sample` with its tokens as an array, if `language` can have made it.

    Of sentences whose levels say that they have no parse (-1, after an intervention) only the tokens are checked.

    Args:
        sample: what was given.
        language: what it is said to be from.
        field: what errors call the sample.

    Raises:
        InputError: no sample, no source of sentences, sentences of other sizes, labels or levels of another number of
            sentences, or sentences that have probability 0 (some are looked at).
    """
    check_source(language)
    if not isinstance(sample, Sample):
        raise invalid(field, sample, f"it is {_kind(sample)}, not a Sample", "Draw one with language.sample(...)")
    tokens = checked_tokens(sample.tokens, language.vocab, language.sentence_length, field=f"{field}.tokens")
    others = {"labels": sample.labels} if sample.labels is not None else {}
    for name in ("levels", "rules"):
        others |= {f"{name}[{i}]": array for i, array in enumerate(getattr(sample, name) or ())}
    for name, array in others.items():
        if np.ndim(array) < 1 or len(array) != len(tokens):
            allowed = f"there are {len(tokens)} sentences"
            raise invalid(f"{field}.{name}.shape", np.shape(array), allowed, "Draw them with the sentences")
    unparsed = sample.levels is not None and np.min(sample.levels[-1]) < 0
    if isinstance(language, Language) and not unparsed:
        rows = np.unique(np.linspace(0, len(tokens) - 1, _LOOKED_AT).astype(int))
        impossible = np.isneginf(language.log_prob(tokens[rows]))
        if impossible.any():
            _refuse_sentence(field, tokens, int(rows[np.argmax(impossible)]), language)
    return Sample(tokens, sample.levels, sample.rules, sample.labels)


def check_shape(shape: Any) -> None:
    """Refuse what is no `Shape`.

    Raises:
        InputError: it is something else.
    """
    if not isinstance(shape, Shape):
        raise invalid("shape", shape, f"it is {_kind(shape)}, not a Shape", "Give task.shape(language)")


def check_source(language: Any) -> None:
    """Refuse what no sentences can be drawn from.

    Raises:
        InputError: it is something else.
    """
    if not isinstance(language, Source):
        mend = "Give a language, or what settings.language() makes"
        raise invalid("language", language, f"it is {_kind(language)}, not a language", mend)


def _checked_targets(targets: Any, shape: Shape, number: int, field: str) -> Num[np.ndarray, "n *positions"]:
    wanted = (number,) if shape.reads == "once" else (number, shape.length)
    try:
        array = np.asarray(targets)
    except ValueError:
        raise invalid(field, targets, "its rows differ in length") from None
    if array.shape != wanted:
        each = "one answer each" if shape.reads == "once" else "an answer at each position"
        allowed = f"{number} sentences need {each}, {wanted}"
        raise invalid(f"{field}.shape", array.shape, allowed)
    if shape.loss == "squared":
        if array.dtype.kind not in "iuf":
            raise invalid(f"{field}.dtype", str(array.dtype), "targets of the squared loss are real numbers")
        if not np.isfinite(array).all():
            place = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
            raise invalid(f"{field}{list(place)}", float(array[place]), "targets are finite numbers")
        return np.ascontiguousarray(array, np.float64)
    if array.dtype.kind not in "iu":
        raise invalid(f"{field}.dtype", str(array.dtype), "targets are whole numbers, the answers' places")
    least, most = int(array.min()), int(array.max())
    if least < 0 or most >= shape.outputs:
        raise invalid(field, least if least < 0 else most, f"answers are 0 to {shape.outputs - 1}")
    return np.ascontiguousarray(array, np.min_scalar_type(shape.outputs - 1))


def _refuse_sentence(field: str, tokens: np.ndarray, row: int, language: Language) -> None:
    sentence = " ".join(map(str, tokens[row, :20])) + (" ..." if tokens.shape[1] > 20 else "")
    raise InputError(
        f"{field}.tokens[{row}]='{sentence}' cannot be used: {type(language).__name__} cannot make it. "
        "Give the language that the sample was drawn from."
    )


def _kind(given: object) -> str:
    return "None" if given is None else f"of type {type(given).__name__}"
