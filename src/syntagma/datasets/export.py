"""Train, validation and test sentences of one language in a folder, and beside them what is exactly known.

    metadata.json       the language's settings, the splits with their streams and the SHA-256 of their files, plateaus,
                        the oracle's mean losses
    grammar.json        the grammar, of a random hierarchy language (`RandomHierarchy.load`)
    oracle_losses.npy   [n_test, T], -ln P(x_i | x_<i) of every token of every test sentence, in nats; rows sum to
                        -ln P(sentence)

The folder appears whole or not at all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Integer
from pydantic import BaseModel

from syntagma.atomic_file import remove_abandoned, temporary_directory
from syntagma.checked_call import checked
from syntagma.datasets import checksums
from syntagma.datasets.formats import LARGEST_BIN_VOCAB, Format, Labels, finish, write_split
from syntagma.errors import InputError, invalid, whole_number
from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.languages.language import Language, Sample
from syntagma.languages.settings import language_of
from syntagma.languages.splits import Split, checked_sizes_of_splits, stream_of
from syntagma.oracles.oracle import oracle_of
from syntagma.oracles.tree import TreeOracle
from syntagma.regular_file import shown
from syntagma.sweep.environment import environment

METADATA_FORMAT = "syntagma.dataset"
VERSION = 2
"""Version 1 had no checksums."""
_SENTENCES_AT_ONCE = 4096


@checked
def export(
    language: Any,
    to: str | os.PathLike[str],
    *,
    train: int = 0,
    validation: int = 0,
    test: int = 0,
    format: Format = "npy",  # noqa: A002  # as the command line has it
    seed: int = 0,
    labels: bool = False,
) -> dict[str, Any]:
    """Write sentences of one language to the folder `to`; what `metadata.json` there says.

        export(HierarchySettings(vocab=8, rules=2, branching=2, depth=3), "data", train=10000, test=1000, format="bin")

    Args:
        language: it, or its settings; a language of another kind than a grammar is given by settings.
        to: a folder that is not there yet, or is empty.
        format: of the files, "npy", "parquet", "hf" or "bin", see `datasets.formats`.
        seed: of the sentences: they are those of `language.splits(..., seed=seed)`.
        labels: with the label of each sentence, the class at the root of a tree.

    Raises:
        InputError: a folder with something in it, or that cannot be made; no sentences; an unknown format; more than
            65,535 tokens for "bin"; labels of a language that has none; a source that is no language, as a text.
    """
    source = language_of(language)
    sizes = checked_sizes_of_splits(train, validation, test)
    seed = whole_number("seed", seed, minimum=0)
    source = _checked(source, language, format, labels=labels)
    folder = _checked_folder(Path(to))
    remove_abandoned(folder.parent)
    with temporary_directory(folder.parent) as private:  # it lets only its owner in
        place = private / "export"
        try:
            place.mkdir()
            metadata = _written(source, language, place, sizes, format, seed, labels=labels)
            os.replace(place, folder)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise invalid("to", shown(to), f"it cannot be written, {reason}", "Choose another folder") from None
    return metadata


def _written(
    source: Language, given: Any, place: Path, sizes: Mapping[Split, int], format_: Format, seed: int, *, labels: bool
) -> dict[str, Any]:
    files: dict[Split, list[str]] = {}
    splits: dict[str, Any] = {}
    in_training: set[bytes] = set()
    oracle_loss = None
    for split, size in sizes.items():
        sample = source.sample(stream_of(split, seed), size, hidden=labels)
        files[split] = write_split(
            format_, place, split, sample.tokens, _labels(sample) if labels else None, source.vocab
        )
        splits[split] = {"sentences": size, "stream": stream_of(split, seed), "files": files[split]}
        splits[split]["sha256"] = checksums.of_files(place, files[split])
        if split == "train":
            in_training = {row.tobytes() for row in sample.tokens}
        elif "train" in sizes:
            repeated = sum(row.tobytes() in in_training for row in sample.tokens)
            splits[split]["sentences_also_in_train"] = repeated
        if split == "test":
            oracle_loss = _oracle_losses(source, sample.tokens)
    metadata = {
        "format": METADATA_FORMAT,
        "version": VERSION,
        "syntagma": environment()["versions"]["syntagma"],
        "format_of_files": format_,
        "language": given.model_dump(mode="json") if isinstance(given, BaseModel) else None,
        "vocab": source.vocab,
        "sentence_length": source.sentence_length,
        "separator": source.vocab if format_ == "bin" else None,
        "seed": seed,
        "splits": splits,
        **_of_grammar(source, place),
    }
    if oracle_loss is not None:
        np.save(place / "oracle_losses.npy", oracle_loss, allow_pickle=False)
        means = {"by_position": oracle_loss.mean(axis=0).tolist(), "mean": float(oracle_loss.mean())}
        metadata["oracle_losses"] = {"file": "oracle_losses.npy", "unit": "nats", **means}
        metadata["oracle_losses"]["sha256"] = checksums.of_files(place, ["oracle_losses.npy"])
    (place / "metadata.json").write_text(json.dumps(metadata, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    finish(format_, place, files, f"Sentences of a language of {source.vocab} tokens, made by Syntagma")
    return metadata


def _of_grammar(source: Language, place: Path) -> dict[str, Any]:
    """Of a random hierarchy language its file, and the losses of who knows it up to a level."""
    if not isinstance(source, RandomHierarchy):
        return {"grammar": None, "plateaus": None}
    source.save(place / "grammar.json")
    plateaus = [
        {
            "level": level,
            "context": source.branching**level - 1,
            "nats": one.value,
            "standard_error": one.standard_error,
        }
        for level, one in enumerate(TreeOracle(source).plateaus())
    ]
    return {"grammar": {"file": "grammar.json", "digest": source.digest()}, "plateaus": plateaus}


def _oracle_losses(source: Language, tokens: Integer[np.ndarray, "n T"]) -> Float[np.ndarray, "n T"] | None:
    oracle = oracle_of(source)
    if oracle is None:
        return None
    losses = np.empty(tokens.shape)
    for start in range(0, len(tokens), _SENTENCES_AT_ONCE):
        part = tokens[start : start + _SENTENCES_AT_ONCE]
        chosen = np.take_along_axis(oracle.next_token(part), part[..., None].astype(np.int64), axis=2)[..., 0]
        losses[start : start + len(part)] = -np.log(chosen)
    return losses


def _labels(sample: Sample) -> Labels:
    return sample.labels if sample.labels is not None or sample.levels is None else sample.levels[-1][:, 0]


def _checked(source: Any, given: Any, format_: str, *, labels: bool) -> Language:
    if not isinstance(source, Language):
        kind = type(source).__name__
        raise invalid("language", kind, "its parts are no independent streams", "Export a language, not a text")
    if not isinstance(given, BaseModel) and not isinstance(source, RandomHierarchy):
        mend = "Give its settings"
        raise invalid("language", type(source).__name__, "metadata say what it is by its settings", mend)
    if format_ == "bin" and source.vocab > LARGEST_BIN_VOCAB:
        allowed = f"16 bits hold {LARGEST_BIN_VOCAB} tokens and the separator"
        raise invalid("vocab", source.vocab, allowed, "Choose another format")
    if labels and source.label_kind is None and source.branching is None:
        raise invalid("labels", labels, f"{type(source).__name__} does not label its sentences", "Leave it out")
    return source


def _checked_folder(folder: Path) -> Path:
    """`folder`, if nothing is in the way."""
    try:
        if "\0" in str(folder):
            raise ValueError
        if folder.is_dir() and not any(folder.iterdir()):
            return folder
        if folder.exists() or folder.is_symlink():
            reason = "something is in it" if folder.is_dir() else "it is a file"
            raise invalid("to", shown(folder), reason, "Choose a folder that is not there yet")
        if not folder.parent.is_dir():
            reason = f"{shown(folder.parent)} is no folder"
            raise invalid("to", shown(folder), reason, "Choose one inside a folder that exists")
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise invalid("to", shown(folder), "no folder can have such a name", "Choose another") from None
    return folder
