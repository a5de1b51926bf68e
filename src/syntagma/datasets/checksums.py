"""SHA-256 of the files of an export, so that one that was changed or cut short is named.

checksums = of_files(folder, ["train.npy", "test.npy"])
check(folder, checksums)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from syntagma.errors import InputError
from syntagma.regular_file import open_regular, shown


def of_files(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """The checksum of each file in `folder`, as 64 hexadecimal digits by its name."""
    return {name: _of_file(folder / name) for name in names}


def check(folder: Path, checksums: Mapping[str, str]) -> None:
    """Whether the files in `folder` are what they were; one that is not there is not looked at.

    Sentences are drawn anew from the language, so a folder of which large files were removed still says which they are.

    Raises:
        InputError: a file that is there is another; it is named.
    """
    for name, checksum in checksums.items():
        file = folder / name
        if file.exists() and _of_file(file) != checksum:
            raise InputError(
                f"{shown(file)} is damaged: its SHA-256 is not the one in metadata.json. Export the sentences again."
            )


def _of_file(file: Path) -> str:
    digest = hashlib.sha256()
    with open_regular(file) as opened:
        while piece := opened.read(2**20):
            digest.update(piece)
    return digest.hexdigest()
