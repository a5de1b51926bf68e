"""What the layers of a trained network know of the language's tree, on any network that shows its activations."""

from syntagma.probes.attention import AttentionByLevel, attention_by_level
from syntagma.probes.invariance import Invariance, invariances
from syntagma.probes.observe import log_probabilities, observe
from syntagma.probes.oracle_distance import OracleDistance, distance_to_oracles
from syntagma.probes.probe import probe
from syntagma.probes.readout import Readout, readouts

__all__ = [
    "AttentionByLevel",
    "Invariance",
    "OracleDistance",
    "Readout",
    "attention_by_level",
    "distance_to_oracles",
    "invariances",
    "log_probabilities",
    "observe",
    "probe",
    "readouts",
]
