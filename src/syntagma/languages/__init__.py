"""Languages whose structure and statistics are known exactly."""

from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.languages.language import Language, Sample, Source

__all__ = ["Language", "RandomHierarchy", "Sample", "Source"]
