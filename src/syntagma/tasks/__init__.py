"""What is asked of a sentence. Adding a task is its module, and one name in `AnyTask`."""

from typing import Annotated

from pydantic import Field

from syntagma.tasks.labels import Label, RootClass
from syntagma.tasks.shape import Examples, Shape
from syntagma.tasks.symmetry import SymmetryTarget
from syntagma.tasks.task import Task
from syntagma.tasks.tokens import LastToken, MaskedToken, NextToken

AnyTask = Annotated[
    LastToken | NextToken | MaskedToken | RootClass | Label | SymmetryTarget, Field(discriminator="kind")
]
"""Any task, told apart by its `kind` in TOML and JSON."""

__all__ = [
    "AnyTask",
    "Examples",
    "Label",
    "LastToken",
    "MaskedToken",
    "NextToken",
    "RootClass",
    "Shape",
    "SymmetryTarget",
    "Task",
]
