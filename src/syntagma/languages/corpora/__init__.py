"""Corpora of any size and form as tokens, split into a training, a validation and a test part."""

from syntagma.languages.corpora._spool import PARTS
from syntagma.languages.corpora._token_store import Tokens
from syntagma.languages.corpora.corpus import Corpus
from syntagma.languages.corpora.windows import CorpusWindows

__all__ = ["PARTS", "Corpus", "CorpusWindows", "Tokens"]
