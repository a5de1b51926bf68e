"""Upper bounds of the entropy H_n of a token given n before it, and how far to trust them.

The bound at each n is the best of Witten-Bell and modified Kneser-Ney counts (`ngrams.py`) and of context-tree
weighting (`context_tree.py`), the best by validation text, its value by test text, so that choosing does not make it
too low. A bound of counts is too high by what counts do not know yet: it is measured again with half of the training
text, and the fall by the second half, which is about what the next doubling would bring, is kept beside it. Bounds of
trained networks join by `lowered_by`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer
from pydantic import NonNegativeInt

from syntagma.checked_call import checked
from syntagma.errors import invalid, whole_number
from syntagma.languages._tokens import checked_line
from syntagma.statistics.context_tree import context_tree_losses
from syntagma.statistics.ngrams import losses_of_all
from syntagma.statistics.pair_counts import checked_documents

_MOST_COUNTED = 1 << 24
"""Training tokens that are counted at the most, the last ones."""
_MOST_IN_TREES = 1 << 21
"""Training tokens up to which context trees take part: they cost some ten seconds a million, n-gram counts one."""
_TIGHT = 0.25
"""A bound is tight where a doubling of the text moves it by less than this share of what the last token tells."""


@checked(not_finite=("values", "errors", "by_block", "doubling"))
@dataclass(frozen=True)
class EntropyBounds:
    """Upper bounds of H_n, nats.

    Attributes:
        contexts: `[k]`, n, in ascending order.
        values: `[k]`, the bounds; infinite where none is known.
        errors: `[k]`, their standard errors, over blocks of test text.
        by_block: `[B, k]`, the bound on each block, of equal weight.
        doubling: `[k]`, by how much the last doubling of the training text lowered each; NaN where not known.
        estimators: `[k]`, what each comes from: a smoothing's name, "context tree", or "network".
    """

    contexts: Integer[np.ndarray, " k"]
    values: Float[np.ndarray, " k"]
    errors: Float[np.ndarray, " k"]
    by_block: Float[np.ndarray, "B k"]
    doubling: Float[np.ndarray, " k"]
    estimators: tuple[str, ...]

    @property
    def tight(self) -> Bool[np.ndarray, " k"]:
        """Where a doubling of the training text moves the bound by less than a quarter of what the last token tells,
        at this n and all before.
        """
        gain = -np.diff(self.values, prepend=np.inf)
        with np.errstate(invalid="ignore"):
            small = (gain > 0) & (np.nan_to_num(np.abs(self.doubling)) <= _TIGHT * gain)
        return np.logical_and.accumulate(small)

    @checked
    def up_to(self, longest: NonNegativeInt) -> EntropyBounds:
        """With lengths of context up to `longest` besides, from 0 on, of which no bound is known (infinite)."""
        more = max(longest + 1 - len(self.values), 0)

        def padded(values: np.ndarray, fill: float) -> np.ndarray:
            return np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, more)], constant_values=fill)

        return EntropyBounds(
            contexts=np.arange(len(self.values) + more),
            values=padded(self.values, np.inf),
            errors=padded(self.errors, np.nan),
            by_block=padded(self.by_block, np.inf),
            doubling=padded(self.doubling, np.nan),
            estimators=self.estimators + ("",) * more,
        )

    def lowered_by(
        self,
        losses: Float[np.ndarray, " k"],
        errors: Float[np.ndarray, " k"],
        name: str,
        doubling: Float[np.ndarray, " k"] | None = None,
    ) -> EntropyBounds:
        """With another model's losses at the same n (NaN where it has none) wherever they are lower.

        Args:
            losses: nats a token of other text than the model learned from.
            errors: their standard errors.
            name: what the model is called.
            doubling: by how much the last doubling of its training text lowered each, where that is known.

        Raises:
            InputError: not one number for each n.
        """
        for field, given in (("losses", losses), ("errors", errors)):
            try:
                shape = np.asarray(given).astype(float, casting="same_kind").shape
            except (ValueError, TypeError):
                raise invalid(field, given, "it must be one number for each length of context") from None
            if shape != self.values.shape:
                raise invalid(f"{field}.shape", shape, f"there are {len(self.values)} lengths of context")
        falls = np.full(len(self.values), np.nan) if doubling is None else np.asarray(doubling, float)
        lower = np.nan_to_num(np.asarray(losses, float), nan=np.inf) < self.values
        return dataclasses.replace(
            self,
            values=np.where(lower, losses, self.values),
            errors=np.where(lower, errors, self.errors),
            by_block=np.where(lower, np.asarray(losses), self.by_block),
            doubling=np.where(lower, falls, self.doubling),
            estimators=tuple(name if low else old for low, old in zip(lower, self.estimators, strict=True)),
        )


@checked
def entropy_bounds(
    train: Integer[np.ndarray, " N"],
    validation: Integer[np.ndarray, " M"],
    test: Integer[np.ndarray, " K"],
    vocab: int,
    longest: int,
    *,
    blocks: int = 40,
    documents: tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None] = (None, None, None),
    most_counted: int = _MOST_COUNTED,
    most_in_trees: int = _MOST_IN_TREES,
) -> EntropyBounds:
    """Bounds for n = 0, ..., `longest`: `entropy_bounds(train, validation, test, 50, 8).values`.

    Args:
        train: the text that is counted; of a longer one than `most_counted` tokens, the last so many.
        validation: the text that chooses between smoothings and trees.
        test: the text that is predicted.
        vocab: v.
        longest: most tokens of context.
        blocks: stretches of test text that standard errors come from.
        documents: where documents begin in each of the three.
        most_counted: tokens of training text that fit in memory, at some 60 bytes each.
        most_in_trees: context trees take part where the training text is no longer than so many tokens; 0 for never.

    Raises:
        InputError: as `ngram_losses`; fewer than two training tokens; more blocks than predicted test tokens.
    """
    blocks, most = whole_number("blocks", blocks, minimum=2), whole_number("most_counted", most_counted, minimum=2)
    most_in_trees = whole_number("most_in_trees", most_in_trees, minimum=0)
    train = checked_line(train, shortest=2, field="train")
    starts = checked_documents(documents[0], len(train), "documents")
    texts = (validation, documents[1], "validation"), (test, documents[2], "test")
    trees = len(train) <= most_in_trees

    def losses(number: int) -> dict[str, list[np.ndarray]]:
        """Of all estimators that learned the last `number` training tokens."""
        last, begin = train[len(train) - number :], _from(starts, len(train) - number)
        found: dict[str, list[np.ndarray]] = {**losses_of_all(last, texts, vocab, longest, train_documents=begin)}
        if trees:
            found["context tree"] = context_tree_losses(last, texts, vocab, longest, train_documents=begin)
        return found

    whole, half = losses(min(len(train), most)), losses(min(len(train), most) // 2)
    names = tuple(whole)
    chosen = np.stack([whole[name][0].mean(axis=1) for name in names]).argmin(axis=0)
    at = np.arange(longest + 1)
    on_test = np.stack([whole[name][1] for name in names])[chosen, at]
    with_half = np.stack([half[name][1].mean(axis=1) for name in names])[chosen, at]
    length = on_test.shape[1] // blocks
    if length < 1:
        allowed = f"{on_test.shape[1]} test tokens have {longest} before them"
        raise invalid("blocks", blocks, allowed, "Choose fewer, or a longer test text")
    by_block = on_test[:, : length * blocks].reshape(longest + 1, blocks, length).mean(axis=2).T
    return EntropyBounds(
        contexts=np.arange(longest + 1),
        values=by_block.mean(axis=0),
        errors=by_block.std(axis=0, ddof=1) / np.sqrt(blocks),
        by_block=by_block,
        doubling=with_half - on_test.mean(axis=1),
        estimators=tuple(names[which] for which in chosen),
    )


def _from(starts: np.ndarray | None, left_out: int) -> np.ndarray | None:
    """Where documents begin once so many tokens at the front are left out."""
    if starts is None or not left_out:
        return starts
    return np.concatenate([[0], starts[starts > left_out] - left_out])
