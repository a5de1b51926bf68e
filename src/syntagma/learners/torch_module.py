"""A module of PyTorch where a function of token arrays is asked for: it gets tensors, and answers without dropout.

PyTorch is no dependency and is not imported: who gives a module has imported it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np


def as_function(model: Any) -> Any:
    """`model` as a function of NumPy arrays where it is a `torch.nn.Module`: `as_function(net)(tokens)`; else itself.

    The module gets its input on its own device, in evaluation mode and without gradients; each of its parts is then put
    back into the mode it was in.
    """
    torch: Any = sys.modules.get("torch")
    if torch is None or not isinstance(model, torch.nn.Module):
        return model
    return _evaluated(torch, model)


def _evaluated(torch: Any, model: Any) -> Callable[[np.ndarray], Any]:
    def answers(inputs: np.ndarray) -> Any:
        device = next((weights.device for weights in model.parameters()), None)
        modes = [(part, part.training) for part in model.modules()]
        model.eval()
        try:
            with torch.no_grad():
                return model(torch.as_tensor(inputs, device=device))
        finally:
            for part, mode in modes:
                part.training = mode

    return answers
