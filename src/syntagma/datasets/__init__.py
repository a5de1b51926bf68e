"""Sentences as files that other programs read, with what is exactly known of them beside."""

from syntagma.datasets.export import export
from syntagma.datasets.formats import FORMATS, Format
from syntagma.datasets.opened import OpenedExport, open_export
from syntagma.datasets.sizes import split_sizes

__all__ = ["FORMATS", "Format", "OpenedExport", "export", "open_export", "split_sizes"]
