"""The forms in which a split's sentences are written, one function each.

    npy       train.npy, ... : [n, T], the smallest unsigned type
    parquet   train.parquet, ... : a column `tokens` of lists of T whole numbers, and `label` where asked for
    hf        data/train-00000-of-00001-5f0c....parquet, ... and a README.md: a folder that `datasets.load_dataset(DIR)`
              reads; the last part of a name is the start of the file's SHA-256, because that library caches by name
    bin       train.bin, val.bin, test.bin: uint16, little-endian, one sentence after the other, each behind the
              separator, token number v: [v, x_1 .. x_T, v, x_1 ..]; what loaders in the manner of nanoGPT read

In `bin` the separator stands where the task next-token has the symbol of hidden tokens, so that a model of v + 1
symbols that is trained on blocks of T tokens from there on predicts every token from those before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from jaxtyping import Integer, Num

from syntagma.datasets import checksums
from syntagma.languages.splits import Split

Format = Literal["npy", "parquet", "hf", "bin"]
FORMATS: tuple[Format, ...] = get_args(Format)
LARGEST_BIN_VOCAB = 2**16 - 1
"""Tokens that fit in 16 bits beside the separator."""

Labels = Num[np.ndarray, " n"] | None
_BIN_NAMES: Mapping[Split, str] = {"train": "train", "validation": "val", "test": "test"}


def write_split(
    format_: Format, folder: Path, split: Split, tokens: Integer[np.ndarray, "n T"], labels: Labels, vocab: int
) -> list[str]:
    """Write one split into `folder`; the names of its files there, that of the tokens first."""
    return _WRITERS[format_](folder, split, tokens, labels, vocab)


def finish(format_: Format, folder: Path, files: Mapping[Split, list[str]], title: str) -> None:
    """What the format has beside the splits: for `hf` the card that says which file is which split."""
    if format_ != "hf":
        return
    lines = ["---", "configs:", "- config_name: default", "  data_files:"]
    for split, names in files.items():
        lines += [f"  - split: {split}", f"    path: {names[0]}"]
    lines += ["---", "", f"# {title}", "", "`metadata.json` says what is exactly known of these sentences.", ""]
    (folder / "README.md").write_text("\n".join(lines), encoding="utf-8")


def _npy(folder: Path, split: Split, tokens: np.ndarray, labels: Labels, vocab: int) -> list[str]:
    np.save(folder / f"{split}.npy", tokens, allow_pickle=False)
    return [f"{split}.npy", *_labels_beside(folder, split, labels)]


def _bin(folder: Path, split: Split, tokens: np.ndarray, labels: Labels, vocab: int) -> list[str]:
    name = f"{_BIN_NAMES[split]}.bin"
    rows = np.empty((len(tokens), tokens.shape[1] + 1), "<u2")
    rows[:, 0], rows[:, 1:] = vocab, tokens
    rows.tofile(folder / name)
    return [name, *_labels_beside(folder, split, labels)]


def _labels_beside(folder: Path, split: Split, labels: Labels) -> list[str]:
    if labels is None:
        return []
    np.save(folder / f"{split}_labels.npy", labels, allow_pickle=False)
    return [f"{split}_labels.npy"]


def _parquet(folder: Path, split: Split, tokens: np.ndarray, labels: Labels, vocab: int) -> list[str]:
    return _table(folder, f"{split}.parquet", tokens, labels)


def _hf(folder: Path, split: Split, tokens: np.ndarray, labels: Labels, vocab: int) -> list[str]:
    (folder / "data").mkdir(exist_ok=True)
    (name,) = _table(folder, f"data/{split}-00000-of-00001.parquet", tokens, labels)
    checksum = checksums.of_files(folder, [name])[name]
    file = (folder / name).rename(folder / name.replace(".parquet", f"-{checksum[:16]}.parquet"))
    return [str(file.relative_to(folder))]


def _table(folder: Path, name: str, tokens: np.ndarray, labels: Labels) -> list[str]:
    import pyarrow
    import pyarrow.parquet

    flat = pyarrow.array(np.ascontiguousarray(tokens).reshape(-1))
    columns = {"tokens": pyarrow.FixedSizeListArray.from_arrays(flat, tokens.shape[1])}
    if labels is not None:
        columns["label"] = pyarrow.array(labels)
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / name)
    return [name]


_WRITERS: Mapping[Format, Callable[..., list[str]]] = {"npy": _npy, "parquet": _parquet, "hf": _hf, "bin": _bin}
