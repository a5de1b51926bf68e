"""Template tasks: strings whose label depends on which symbols are equal, not on which symbols they are.

Source: Boix-Adserà, Saremi, Abbe, Bengio, Littwin, Susskind, "When can transformers reason with abstract symbols?",
arXiv 2310.09753.
"""

from syntagma.languages.templates.families import FAMILIES, family
from syntagma.languages.templates.files import read_labelled_strings, read_templates
from syntagma.languages.templates.labelled import LabelledStrings
from syntagma.languages.templates.language import Templates

__all__ = ["FAMILIES", "LabelledStrings", "Templates", "family", "read_labelled_strings", "read_templates"]
