"""Token files that are ready: one file cut into parts, or a folder that has a file for each.

A row of tokens is cut at the beginnings of the nearest documents, where a token is known to end each, so that nothing
has to be copied; where documents are larger than parts, at the very shares.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Integer

from syntagma.errors import InputError, invalid, whole_number
from syntagma.languages._tokens import release
from syntagma.languages.corpora._spool import PARTS
from syntagma.languages.corpora._token_store import DTYPES, Tokens, token_file
from syntagma.languages.text import part_bounds
from syntagma.regular_file import shown

_PIECE = 1 << 22


def ready_parts(
    source: Any, kind: str, vocab: int | None, shares: tuple[float, float], end_of_document: int | None
) -> tuple[dict[str, Tokens], tuple[str, ...]]:
    """The parts of a ready token file, or of a folder with `train.bin`, `val.bin` and perhaps `test.bin`; and notes.

    Raises:
        InputError: as `Corpus.read`.
    """
    if vocab is None:
        raise invalid("vocab", None, f"tokens={kind!r} are numbers below it", "Give vocab, for example vocab=50257")
    vocab = whole_number("vocab", vocab)
    if vocab > np.iinfo(DTYPES[kind]).max + 1:
        allowed = f"numbers of type {kind} are below {np.iinfo(DTYPES[kind]).max + 1}"
        raise invalid("vocab", vocab, allowed, "Give the vocabulary's size")
    if end_of_document is not None and whole_number("end_of_document", end_of_document, minimum=0) >= vocab:
        raise invalid("end_of_document", end_of_document, f"tokens are 0 to {vocab - 1}", "Give a token")
    if not isinstance(source, (str, bytes, os.PathLike)):
        raise invalid("source", source, "token files are read one at a time", "Give one file, or a folder")
    folder = Path(os.fsdecode(source))
    ready = _ready_files(folder)
    if not ready:
        tokens, notes = token_file(source, kind, vocab)
        return _cut(tokens, _begins(tokens, end_of_document), shares), notes
    parts, notes = {}, ()
    for part, path in ready.items():
        tokens, more = token_file(path, kind, vocab)
        parts[part], notes = Tokens(tokens, _begins(tokens, end_of_document)), (*notes, *more)
    if "validation" not in parts:
        train = parts.pop("train")
        cut = _cut(train.tokens, train.documents, (shares[0], 0.0))
        parts |= {part: cut[part] for part in ("train", "validation")}
    return {part: parts[part] for part in PARTS}, notes


def _ready_files(folder: Path) -> dict[str, Path]:
    """Files of the parts in a folder: of `val.bin` alone, which learning scripts write, the test part is made."""
    try:
        if not folder.is_dir():
            return {}
    except ValueError:
        return {}
    names = {"train": ["train"], "validation": ["val", "validation"], "test": ["test"]}
    found = {
        part: path
        for part, stems in names.items()
        for stem in stems
        for path in (folder / f"{stem}.bin", folder / f"{stem}.npy")
        if path.is_file()
    }
    if "train" not in found or len(found) < 2:
        raise InputError(f"{shown(folder)} has no train.bin beside a val.bin or test.bin. Give one file of tokens.")
    if "test" not in found:
        found["test"] = found.pop("validation")
    return found


def _begins(tokens: Integer[np.ndarray, " N"], end_of_document: int | None) -> Integer[np.ndarray, " D"]:
    if end_of_document is None:
        return np.zeros(min(len(tokens), 1), np.int64)
    after = [np.zeros(1, np.int64)]
    for start in range(0, len(tokens), _PIECE):
        after.append(start + 1 + np.flatnonzero(tokens[start : start + _PIECE] == end_of_document))
        release(tokens)
    begins = np.concatenate(after)
    return begins[begins < len(tokens)]


def _cut(
    tokens: Integer[np.ndarray, " N"], begins: Integer[np.ndarray, " D"], shares: tuple[float, float]
) -> dict[str, Tokens]:
    """Parts of a row of tokens, cut at the nearest beginnings of documents where that leaves no part empty."""
    exact = part_bounds(len(tokens), *shares)
    bounds = {
        part: (_nearest(begins, a, len(tokens)), _nearest(begins, b, len(tokens))) for part, (a, b) in exact.items()
    }
    if any(bounds[part][0] == bounds[part][1] and exact[part][0] < exact[part][1] for part in PARTS):
        bounds = exact  # documents are larger than the parts
    parts = {}
    for part in PARTS:
        start, end = bounds[part]
        inside = begins[(begins > start) & (begins < end)] - start
        documents = np.concatenate([[0], inside]) if end > start else np.zeros(0, np.int64)
        parts[part] = Tokens(tokens[start:end], documents)
    if not len(parts["train"]):
        allowed = f"of {len(tokens)} tokens none is left to train on"
        raise invalid("test_share", shares[1], allowed, "Lower the shares, or give a longer text")
    return parts


def _nearest(begins: Integer[np.ndarray, " D"], place: int, length: int) -> int:
    """The beginning of a document nearest to a token; the token itself where there is one document, or at the ends."""
    if len(begins) < 2 or place in (0, length):
        return place
    after = int(np.searchsorted(begins, place))
    around = begins[max(after - 1, 0) : after + 1]
    return int(around[np.argmin(np.abs(around - place))])
