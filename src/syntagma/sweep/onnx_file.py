"""A network as ONNX, which other programs run without Python: written by jax2onnx, the extra `onnx`.

    write_onnx(network, "network.onnx")
    onnxruntime.InferenceSession("network.onnx").run(["logits"], {"inputs": inputs})

The file computes `logits`, float32, of `inputs`, int32 `[B, T]` of any number B of sentences, in which the mask symbol
hides a token, as `LoadedNetwork.inputs` makes them. It is the network's plain formula, as its activations have it: what
a call folds depends on the number of sentences, which a file of ONNX leaves open.
"""

from __future__ import annotations

import logging
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from syntagma.atomic_file import atomic_file
from syntagma.errors import InputError, invalid
from syntagma.learners import Network
from syntagma.regular_file import shown


def write_onnx(network: Network, path: str | Path) -> None:
    """Write the network to `path`: see above.

    Raises:
        InputError: jax2onnx is not installed, or does not know what the network is made of; the file cannot be written.
    """
    model = _model(network, path)
    with atomic_file(path) as temporary:
        temporary.write_bytes(model.SerializeToString())


def check_installed(path: str | Path) -> None:
    """Whether a file of ONNX can be written.

    Raises:
        InputError: jax2onnx is not installed.
    """
    if find_spec("jax2onnx") is None:
        reason = "ONNX is written by jax2onnx, which is not installed"
        raise invalid("onnx", shown(path), reason, "Install it with `pip install 'syntagma[onnx]'`")


def _model(network: Network, path: str | Path) -> Any:
    check_installed(path)
    import jax2onnx  # pyright: ignore[reportMissingImports]

    log = logging.getLogger("onnx_ir")  # it warns of every shape whose number is open
    level = log.level
    log.setLevel(logging.ERROR)
    inputs: Any = jax.ShapeDtypeStruct(("B", network.shape.length), jnp.int32)  # a name leaves the number open
    try:
        return jax2onnx.to_onnx(
            lambda tokens: network.activations(tokens).logits,
            [inputs],
            model_name="syntagma",
            input_names=["inputs"],
            output_names=["logits"],
        )
    except Exception as error:  # of jax2onnx or JAX, whatever they do not know
        line = " ".join(str(error).split())[:200]
        name = type(network).__name__
        raise InputError(
            f"{shown(path)} cannot be written: jax2onnx does not take a {name}, {type(error).__name__}: {line}."
        ) from error
    finally:
        log.setLevel(level)
