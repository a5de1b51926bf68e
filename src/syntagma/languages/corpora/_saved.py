"""A corpus in a folder: `corpus.json`, and for each part its tokens and where its documents begin, as raw numbers.

What is opened comes perhaps from a stranger: sizes are compared, nothing is unpickled, and tokens outside the
vocabulary are refused where they are used.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from syntagma.errors import InputError, invalid
from syntagma.languages.corpora._sources import SAVED as FILE
from syntagma.languages.corpora._spool import PARTS
from syntagma.languages.corpora._token_store import DTYPES, Tokens, mapped
from syntagma.languages.corpora._tokenizers import Tokenizer, described
from syntagma.regular_file import AnyPath, open_regular, read_regular, shown

_FORMAT = "syntagma corpus 1"
_LARGEST = 1 << 28
_PIECE = 1 << 22


class Saved(NamedTuple):
    """All that is kept of a corpus; see the attributes of `Corpus`."""

    parts: Mapping[str, Tokens]
    vocab: int
    tokenizer: Tokenizer | None
    notes: tuple[str, ...]
    digest: str


def save(corpus: Saved, directory: AnyPath) -> Path:
    """Write the folder, under another name until it is whole; see `Corpus.save`."""
    target = Path(os.fsdecode(directory))
    if target.exists():
        raise invalid("directory", str(target), "it is there already", "Name a new folder")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            parts = {name: _write(corpus.parts[name], making, name, corpus.vocab) for name in PARTS}
            content = {
                "format": _FORMAT,
                "vocab": corpus.vocab,
                "digest": corpus.digest,
                "notes": list(corpus.notes),
                "parts": parts,
                "tokenizer": None if corpus.tokenizer is None else corpus.tokenizer.description(),
            }
            (making / FILE).write_text(json.dumps(content), encoding="utf-8")
            making.chmod(0o755)
            making.rename(target)
        except BaseException:
            shutil.rmtree(making, ignore_errors=True)
            raise
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise invalid("directory", shown(directory), f"it cannot be written, {reason}", "Name another folder") from None
    return target


def _write(part: Tokens, folder: Path, name: str, vocab: int) -> dict[str, Any]:
    dtype = np.dtype(np.min_scalar_type(vocab - 1)).newbyteorder("<")
    with open(folder / f"{name}.bin", "wb") as file:
        for start in range(0, len(part), _PIECE):
            file.write(np.asarray(part.tokens[start : start + _PIECE]).astype(dtype).tobytes())
    with open(folder / f"{name}.documents", "wb") as file:
        file.write(part.documents.astype("<i8").tobytes())
    return {"dtype": np.dtype(dtype).name, "tokens": len(part), "documents": len(part.documents)}


def opened(directory: AnyPath) -> Saved:
    """Read the folder; see `Corpus.open`. Whether the tokens have the digest is not looked at."""
    try:
        folder = Path(os.fsdecode(directory))
    except (TypeError, ValueError):
        raise invalid("directory", directory, "it is the folder that Corpus.save wrote") from None
    content = read_regular(folder / FILE, _LARGEST, "Give the folder that Corpus.save wrote")
    try:
        found: Any = json.loads(content)
        if found["format"] != _FORMAT:
            raise KeyError("format")
        vocab, digest, notes = found["vocab"], found["digest"], found["notes"]
        sizes = {name: _sizes(found["parts"][name]) for name in PARTS}
        if not isinstance(vocab, int) or vocab < 1 or not isinstance(digest, str) or not all(map(_is_text, notes)):
            raise KeyError("vocab")
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, RecursionError):
        raise InputError(f"{shown(folder / FILE)} is damaged. Make the corpus again.") from None
    parts = {name: Tokens(*_mapped(folder, name, *size)) for name, size in sizes.items()}
    corpus = Saved(parts, vocab, described(found["tokenizer"]), tuple(notes), digest)
    if corpus.tokenizer is not None and corpus.tokenizer.vocab != vocab:
        raise InputError(f"{shown(folder / FILE)} is damaged: its tokenizer has another vocabulary. Make it again.")
    return corpus


def _sizes(given: Any) -> tuple[Any, int, int]:
    tokens, documents = given["tokens"], given["documents"]
    if not all(isinstance(size, int) and size >= 0 for size in (tokens, documents)):
        raise KeyError("tokens")
    return np.dtype(DTYPES[given["dtype"]]).newbyteorder("<"), tokens, documents


def _mapped(folder: Path, name: str, dtype: Any, tokens: int, documents: int) -> tuple[np.ndarray, np.ndarray]:
    out = []
    for path, kind, number in ((f"{name}.bin", dtype, tokens), (f"{name}.documents", np.dtype("<i8"), documents)):
        with open_regular(folder / path, mend="Make the corpus again") as file:
            size = os.fstat(file.fileno()).st_size
            if size != number * kind.itemsize:
                has = f"it has {size} bytes, not {number * kind.itemsize}"
                raise InputError(f"{shown(folder / path)} is damaged: {has}. Make the corpus again.")
            out.append(mapped(file, kind, number))
    starts = np.asarray(out[1])
    if len(starts) and (starts[0] < 0 or (np.diff(starts) <= 0).any() or starts[-1] >= tokens):
        raise InputError(f"{shown(folder)}: the beginnings of documents are damaged. Make the corpus again.")
    return out[0], starts


def _is_text(value: Any) -> bool:
    return isinstance(value, str)
