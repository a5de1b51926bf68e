"""Languages whose structure and statistics are known exactly, and other sources of sentences."""

from syntagma.languages.corpora import Corpus
from syntagma.languages.exchangeable import CategoricalMixture, DirichletMultinomial
from syntagma.languages.hidden_markov import HiddenMarkov, RandomHiddenMarkov
from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.languages.language import Language, Sample, Source
from syntagma.languages.templates import LabelledStrings, Templates, family, read_labelled_strings, read_templates
from syntagma.languages.text import Text

__all__ = [
    "CategoricalMixture",
    "Corpus",
    "DirichletMultinomial",
    "HiddenMarkov",
    "LabelledStrings",
    "Language",
    "RandomHiddenMarkov",
    "RandomHierarchy",
    "Sample",
    "Source",
    "Templates",
    "Text",
    "family",
    "read_labelled_strings",
    "read_templates",
]
