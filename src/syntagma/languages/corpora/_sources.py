"""What a corpus is read from, by name: files, folders, patterns, `stdlib`, and data sets of Hugging Face."""

from __future__ import annotations

import glob
import importlib
import json
import os
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from syntagma.errors import InputError, invalid
from syntagma.languages.corpora._documents import Notes, Piece, check_column, column, pieces, tidy
from syntagma.languages.corpora._streams import Limit, TooMuch, streams
from syntagma.regular_file import AnyPath, open_regular, read_regular, shown

STDLIB = "stdlib"
HUB = "hf:"
SAVED = "corpus.json"
"""What `Corpus.save` says of a corpus, in its folder."""
_LARGEST_STATE = 1 << 24


def pieces_of(
    source: AnyPath | Sequence[AnyPath],
    field: str | None,
    separator: str | None,
    split: str,
    limit: Limit,
    notes: Notes,
) -> Iterator[Piece]:
    """The documents of a source, in an order that depends on names alone; see `Corpus.read`.

    Raises:
        InputError: nothing is there, or what is there is no text.
    """
    if isinstance(source, (list, tuple)):
        for one in source:
            yield from pieces_of(one, field, separator, split, limit, notes)
        return
    if not isinstance(source, (str, bytes, os.PathLike)):
        raise invalid("source", source, "it is a file, a folder, a pattern, 'stdlib', 'hf:NAME', or a list of those")
    if isinstance(source, str) and source == STDLIB:
        yield from _files(_standard_library(), None, None, limit, notes)
    elif isinstance(source, str) and source.startswith(HUB):
        yield from _from_hub(source.removeprefix(HUB), field, split, limit, notes)
    elif (folder := saved_dataset(source, split)) is not None:
        yield from _arrow_files(folder, field, limit, notes)
    else:
        if split != "train":
            raise invalid("split", split, f"{shown(source)} is no data set of Hugging Face", "Leave split out")
        paths, named = _paths(source)
        if named:
            for stream in streams(paths[0]):
                yield from pieces(stream, field, separator, limit, notes)
        else:
            yield from _files(paths, field, separator, limit, notes)


def _paths(source: AnyPath) -> tuple[list[AnyPath], bool]:
    """The files of a folder or pattern; or the file itself, and True."""
    name = os.fspath(source)
    try:
        folder, there = os.path.isdir(name), os.path.lexists(name)
    except ValueError:
        return [source], True
    if folder:
        found = _below(Path(os.fsdecode(name)))
        if os.path.join(os.fsdecode(name), SAVED) in found:
            raise InputError(
                f"{shown(source)} is a corpus that was saved. Corpus.open(FOLDER) reads it, as does "
                "syntagma predict corpus-forecast --set text=FOLDER."
            )
    elif not there and isinstance(name, str) and glob.has_magic(name) and "\0" not in name:
        found = sorted(path for path in glob.glob(name, recursive=True) if os.path.isfile(path))
    else:
        return [source], True
    if not found:
        raise InputError(f"{shown(source)} has no files in it. Give a folder or a pattern with text files.")
    return list(found), False


def _below(folder: Path) -> list[str]:
    """Regular files in a folder and its folders, but hidden ones."""
    found = []
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [os.path.join(parent, name) for name in files if not name.startswith(".")]
    return sorted(path for path in found if os.path.isfile(path))


def _files(
    paths: Sequence[AnyPath], field: str | None, separator: str | None, limit: Limit, notes: Notes
) -> Iterator[Piece]:
    """The documents of all files; those that are no text are left out, unless all are."""
    refused, read = "", 0
    for path in paths:
        try:
            first = True
            for stream in streams(path):
                for piece in pieces(stream, field, separator, limit, notes):
                    first = False
                    read += 1
                    yield piece
        except InputError as error:
            if not first or isinstance(error, TooMuch):  # part of the file is in the corpus already
                raise
            refused = refused or str(error)
            notes.counts["skipped"] += 1
    if not read:
        raise InputError(refused or "there is no text in the files. Give text files.")


def _standard_library() -> list[AnyPath]:
    """The sources of this Python's library, without tests, which not every Python brings along."""
    folder = Path(sysconfig.get_path("stdlib"))
    left_out = {"site-packages", "dist-packages", "test", "tests", "idle_test", "__pycache__", "lib2to3"}
    found: list[AnyPath] = [
        path for path in sorted(folder.rglob("*.py")) if not left_out & set(path.relative_to(folder).parts)
    ]
    if not found:
        raise InputError("stdlib: this Python has no sources of its library. Give a folder of programs.")
    return found


def saved_dataset(source: AnyPath, split: str) -> Path | None:
    """The folder of a data set saved by Hugging Face's `save_to_disk`, of one split; None where it is no such folder.

    Raises:
        InputError: it has no such split.
    """
    try:
        folder = Path(os.fsdecode(source))
        splits, state = folder / "dataset_dict.json", folder / "state.json"
        if not splits.is_file():
            return folder if state.is_file() else None
    except ValueError:
        return None
    found: Any = _json(splits)
    names = found.get("splits") if isinstance(found, dict) else None
    if not isinstance(names, list) or split not in names:
        there = ", ".join(map(str, names)) if isinstance(names, list) else "none"
        raise invalid("split", split, f"{shown(source)} has {there}", "Name one of them")
    return folder / split


def _arrow_files(folder: Path, field: str | None, limit: Limit, notes: Notes) -> Iterator[Piece]:
    """Rows of the Arrow streams that `save_to_disk` leaves; they need pyarrow alone."""
    import pyarrow as pa

    state: Any = _json(folder / "state.json")
    files = state.get("_data_files") if isinstance(state, dict) else None
    if not isinstance(files, list) or state.get("_indices_data_files"):
        raise InputError(f"{shown(folder)} is no flat data set. Save it again after flatten_indices().")
    for one in files:
        path = folder / os.path.basename(str(one.get("filename") if isinstance(one, dict) else one))
        with open_regular(path, mend="Save the data set again") as file:
            try:
                reader = pa.ipc.open_stream(file)
                check_column(reader.schema, field, shown(path))
                for batch in reader:
                    yield from column(batch.select([field]), shown(path), limit, notes)
            except (pa.ArrowException, OSError) as error:
                reason = " ".join(str(error).split())[:120]
                raise InputError(f"{shown(path)} is no whole Arrow stream: {reason}. Save the data again.") from None


def _json(path: Path) -> Any:
    try:
        return json.loads(read_regular(path, _LARGEST_STATE))
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{shown(path)} is no JSON. Save the data set again.") from None


def _from_hub(name: str, field: str | None, split: str, limit: Limit, notes: Notes) -> Iterator[Piece]:
    """Rows of a data set by name, `NAME` or `NAME:CONFIGURATION`, or of a folder that the library can load."""
    try:
        datasets: Any = importlib.import_module("datasets")
    except ImportError:
        mend = "Install it: pip install 'syntagma[hf]'"
        raise invalid("source", HUB + name, "the package datasets is missing", mend) from None
    path, _, configuration = name.partition(":")
    try:
        rows: Any = datasets.load_dataset(path, configuration or None, split=split, streaming=True)
        first: Any = next(iter(rows), None)
    except Exception as error:  # the library and what it builds on raise errors of many kinds
        reason = " ".join(str(error).split())[:200].rstrip(".")
        mend = f"Check its name and split={split!r}"
        raise InputError(f"source='{HUB}{name}' cannot be loaded: {reason}. {mend}.") from None
    if first is None:
        raise InputError(f"source='{HUB}{name}' has no rows in split={split!r}. Name another split.")
    texts = [key for key, value in first.items() if isinstance(value, str)]
    if field not in texts:
        there = f"its fields with text are {', '.join(texts)}" if texts else "none of its fields has text"
        raise invalid("field", field, f"of {HUB}{name} {there}", f"For example field={texts[0]!r}" if texts else "")
    for row in rows:
        text = tidy(row[field] or "", notes)
        limit.spend(len(text), HUB + name)
        yield text, True
