"""What studies over the number of rules m share: settings, cells, facts, tables and figures of one kind of grid.

`scaling-laws` and `weight-sharing` are such studies; each has learners and claims of its own.
"""

from syntagma.studies.rules_grid.figures import figures
from syntagma.studies.rules_grid.measured import Measured, cells, expected, facts, measure
from syntagma.studies.rules_grid.settings import Entrant, RulesGrid
from syntagma.studies.rules_grid.tables import predictions, tables

__all__ = [
    "Entrant", "Measured", "RulesGrid", "cells", "expected", "facts", "figures", "measure", "predictions", "tables"
]  # fmt: skip
