"""What moves the thresholds of a grammar: its number of symbols, of rules, its branching and its depth.

Thresholds of the last token on languages that differ from a base in one size each; how each grows with that size beside
the law, and whether one prefactor puts all languages on one curve. Networks may be tuned: their training is chosen on
validation, and the same languages tell whether depth moves the first threshold, and whether attention needs more than
convolution at the second, once training is not what decides.
Source: arXiv 2505.07070 (thresholds).
"""

from syntagma.studies.grammar_sizes.claims import claims
from syntagma.studies.grammar_sizes.figures import figures
from syntagma.studies.grammar_sizes.measured import Measured, cells, expected, facts, growth_exponent, measure
from syntagma.studies.grammar_sizes.presets import PRESETS
from syntagma.studies.grammar_sizes.settings import PARAMETERS, SYMBOLS, GrammarSizes, Grower
from syntagma.studies.grammar_sizes.tables import predictions, tables
from syntagma.studies.study import Study

STUDY = Study(
    name="grammar-sizes",
    title="What moves the thresholds of a grammar",
    paper="arXiv 2505.07070",
    settings=GrammarSizes,
    presets=PRESETS,
    facts=facts,
    cells=cells,
    expected=expected,
    predictions=predictions,
    measure=measure,
    tables=tables,
    claims=claims,
    figures=figures,
)

__all__ = ["PARAMETERS", "PRESETS", "STUDY", "SYMBOLS", "GrammarSizes", "Grower", "Measured", "growth_exponent"]
