"""Tokens on disk, memory-mapped: those that are being made, and ready files of uint16 or uint32."""

from __future__ import annotations

import os
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import IO, Any

import numpy as np
from jaxtyping import Integer

from syntagma.errors import InputError, invalid
from syntagma.languages._tokens import check_range, release
from syntagma.languages.corpora._documents import Piece
from syntagma.languages.corpora._tokenizers import Tokenizer
from syntagma.regular_file import AnyPath, open_regular, shown

DTYPES = {"uint8": np.uint8, "uint16": np.uint16, "uint32": np.uint32}
_BATCH = 1 << 21
"""Characters that are encoded together."""
_PIECE = 1 << 22
_COMPRESSED = {".gz", ".xz", ".bz2", ".zst", ".zip", ".npz", ".parquet"}
_TEXTS = {".txt", ".md", ".csv", ".json", ".jsonl", ".ndjson"}
"""Names of files whose bytes may be tokens, but whose pairs of bytes are none."""
_LLMC_MAGIC, _LLMC_HEADER = 20240520, 1024


@dataclass(frozen=True, eq=False)
class Tokens:
    """One part of a corpus.

    Attributes:
        tokens: `[N]`, memory-mapped where they come from a file.
        documents: `[D]`, the tokens with which documents begin; empty where there are none.
    """

    tokens: Integer[np.ndarray, " N"]
    documents: Integer[np.ndarray, " D"]

    def __len__(self) -> int:
        return len(self.tokens)


def encoded(pieces: Iterable[Piece], tokenizer: Tokenizer, scratch: str | None) -> Tokens:
    """The tokens of some text, in a temporary file without a name in the folder `scratch`."""
    dtype = np.min_scalar_type(tokenizer.vocab - 1)
    documents, number = array("q"), 0
    with tempfile.TemporaryFile(dir=scratch) as file:
        for texts, begins in _batches(pieces):
            tokens, lengths = tokenizer.encode(texts)
            file.write(np.ascontiguousarray(tokens, dtype).tobytes())
            for first, length in zip(begins, lengths.tolist(), strict=True):
                if first:
                    documents.append(number)
                number += length
        starts = np.unique(np.frombuffer(documents, np.int64)) if documents else np.zeros(0, np.int64)
        return Tokens(mapped(file, dtype, number), starts[starts < number])


def _batches(pieces: Iterable[Piece]) -> Iterator[tuple[list[str], list[bool]]]:
    """Texts that are encoded together, and whether a document begins with each."""
    texts: list[str] = []
    begins: list[bool] = []
    size = 0
    for text, first in pieces:
        texts.append(text)
        begins.append(first)
        size += len(text)
        if size >= _BATCH:
            yield texts, begins
            texts, begins, size = [], [], 0
    if texts:
        yield texts, begins


def mapped(file: IO[bytes], dtype: Any, number: int, offset: int = 0) -> Integer[np.ndarray, " N"]:
    """So many numbers of an open file, memory-mapped; the mapping outlives the file's name and the file object."""
    if not number:
        return np.zeros(0, dtype)
    file.flush()
    return np.memmap(file, dtype, "r", offset, (number,))


def token_file(path: AnyPath, kind: str, vocab: int) -> tuple[Integer[np.ndarray, " N"], tuple[str, ...]]:
    """The tokens of a ready file, memory-mapped, and notes: raw little-endian numbers, with or without the header of
    llm.c, or an array of NumPy (`.npy`).

    Raises:
        InputError: no such file; its size is not that of whole numbers; a token is outside the vocabulary.
    """
    dtype, name, notes = np.dtype(DTYPES[kind]).newbyteorder("<"), shown(path), ()
    if PurePath(name).suffix.lower() in (_COMPRESSED if kind == "uint8" else _COMPRESSED | _TEXTS):
        raise invalid("tokens", kind, f"{name} is no file of tokens by its name", "Leave tokens out, or rename it")
    with open_regular(path, mend="Give a file of tokens") as file:
        beginning = file.read(_LLMC_HEADER)
        size = os.fstat(file.fileno()).st_size
        if beginning.startswith(b"\x93NUMPY"):
            tokens = _array(path, name)
        else:
            offset = 0
            if len(beginning) >= 12 and np.frombuffer(beginning[:4], "<i4")[0] == _LLMC_MAGIC:
                offset, notes = _LLMC_HEADER, ("the header of llm.c was left out",)
            if (size - offset) % dtype.itemsize or size <= offset:
                allowed = f"{name} has {size - offset} bytes, not a multiple of {dtype.itemsize} above 0"
                raise invalid("tokens", kind, allowed, "Give the type that the file was written with")
            tokens = mapped(file, dtype, (size - offset) // dtype.itemsize, offset)
    for start in range(0, len(tokens), _PIECE):
        try:
            check_range(tokens[start : start + _PIECE], vocab)
        except InputError as error:
            raise InputError(f"{name}: {error}") from None
        release(tokens)
    return tokens, notes


def _array(path: AnyPath, name: str) -> Integer[np.ndarray, " N"]:
    try:
        tokens = np.load(os.fsdecode(path), mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"{name} is no whole array of NumPy: {reason}. Save one array of tokens by np.save.") from None
    if tokens.ndim != 1 or not np.issubdtype(tokens.dtype, np.integer) or not len(tokens):
        given = f"{tokens.dtype} array of shape {tokens.shape}"
        raise invalid("tokens", given, f"{name} must hold one line of whole numbers", "Save tokens as an array [N]")
    return tokens
