"""What `syntagma sample` prints or writes: sentences, one a line, or arrays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from syntagma.errors import invalid

if TYPE_CHECKING:
    from syntagma.languages.language import Sample

_LINES_AT_ONCE = 4096


def check_destination(out: Path, hidden: bool) -> None:
    """Refuse, before any work, a file that cannot hold what is asked for.

    Raises:
        InputError: hidden levels in an `.npy` file, which holds one array.
    """
    if hidden and out.suffix == ".npy":
        raise invalid("out", str(out), "an .npy file holds one array", "Give an .npz file, or leave out --hidden")


def lines(sample: Sample) -> Iterator[str]:
    """One line a sentence: its tokens separated by spaces; with hidden levels, root first, levels separated by `|`."""
    levels = sample.levels[::-1] if sample.levels is not None else (sample.tokens,)
    for start in range(0, len(sample.tokens), _LINES_AT_ONCE):
        rows = [level[start : start + _LINES_AT_ONCE].tolist() for level in levels]
        for sentence in zip(*rows, strict=True):
            yield " | ".join(" ".join(map(str, symbols)) for symbols in sentence)


def write(sample: Sample, out: Path) -> None:
    """Write to `out`, whole or not at all: `.npy` the tokens, `.npz` also `level_l` and `rules_l`, else text.

    Raises:
        InputError: the file cannot be written.
    """
    from syntagma.atomic_file import atomic_file

    with atomic_file(out) as temporary:
        if out.suffix == ".npy":
            np.save(temporary, sample.tokens, allow_pickle=False)
        elif out.suffix == ".npz":
            np.savez(temporary, allow_pickle=False, **_arrays(sample))
        else:
            with temporary.open("w", encoding="utf-8") as file:
                file.writelines(_with_newlines(lines(sample)))


def _arrays(sample: Sample) -> dict[str, Any]:
    named: dict[str, Any] = {"tokens": sample.tokens}
    named |= {f"level_{place}": level for place, level in enumerate((sample.levels or ())[1:], 1)}
    return named | {f"rules_{place}": rules for place, rules in enumerate(sample.rules or (), 1)}


def _with_newlines(texts: Iterable[str]) -> Iterator[str]:
    return (text + "\n" for text in texts)
