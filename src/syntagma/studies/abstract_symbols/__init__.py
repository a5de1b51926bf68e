"""Reasoning with symbols never seen: template tasks, learned by networks and kernels, tested on another alphabet.

For each task and learner, accuracy on strings of symbols that training never shows, against the number of training
strings, beside what the certificate of the templates predicts; then against the number of distinct substitutions, and,
where a symbol is to be copied, against the width, without and with a trainable multiple of the identity in each head.
Further: the read-out alone trained, mimetic weights, random sets of templates, a grid of sizes, what heads become, and
a text by characters and by words.
Source: arXiv 2310.09753.
"""

from syntagma.studies.abstract_symbols.cells import cells
from syntagma.studies.abstract_symbols.claims import claims
from syntagma.studies.abstract_symbols.figures import figures
from syntagma.studies.abstract_symbols.measured import measure
from syntagma.studies.abstract_symbols.predictions import facts
from syntagma.studies.abstract_symbols.presets import PRESETS
from syntagma.studies.abstract_symbols.settings import AbstractSymbols
from syntagma.studies.abstract_symbols.tables import predictions, tables
from syntagma.studies.study import Study

__all__ = ["PRESETS", "STUDY", "AbstractSymbols"]

STUDY = Study(
    name="abstract-symbols",
    title="Reasoning with symbols never seen",
    paper="arXiv 2310.09753",
    settings=AbstractSymbols,
    presets=PRESETS,
    facts=facts,
    cells=lambda settings, facts, results: cells(settings),
    predictions=predictions,
    measure=measure,
    tables=tables,
    claims=claims,
    figures=figures,
)
