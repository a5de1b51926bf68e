"""What `pytest --shapes` checks calls with: beartype, on every function of the parts of Syntagma that hold arrays.

jaxtyping's import hook wraps each function of those modules; `checked` is what it wraps them with. Python's `int` and
`float` take NumPy's scalars too, as the code does, and `float` an `int`, as type checkers have it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from beartype import BeartypeConf, FrozenDict, beartype

PARTS = (
    "languages", "oracles", "statistics", "tasks", "kernels", "learners", "probes", "theory", "curves",
    "estimate", "randomness",
)  # fmt: skip
"""Where arrays live. The others hold none, and import what they name late or for type checkers alone."""

_NUMBERS = FrozenDict(
    {
        bool: bool | np.bool_,
        int: int | np.integer,
        float: float | int | np.floating | np.integer,
        complex: complex | float | int | np.number,
    }
)
_check = beartype(conf=BeartypeConf(hint_overrides=_NUMBERS))


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, refusing arguments and results that are not what their annotations say.

    jaxtyping decorates functions one by one, so beartype cannot tell whose `Self` it is; it is let pass.
    """
    hints = function.__annotations__
    function.__annotations__ = {name: Any if hint is Self else hint for name, hint in hints.items()}
    return _check(function)
