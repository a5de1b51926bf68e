"""What is stored, shown in a tracker as well: TensorBoard, Weights & Biases or MLflow, written beside the results.

Nothing goes to the network: files are written into `DIR/tracking`, which the tracker's own programs show or upload.
"""

from syntagma.sweep.trackers.tracker import NAMES, TrackedRun, Tracker, check_tracker, tracking

__all__ = ["NAMES", "TrackedRun", "Tracker", "check_tracker", "tracking"]
