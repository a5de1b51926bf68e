"""Networks written as ONNX, run by onnxruntime where that and jax2onnx are installed (the extra `onnx`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from syntagma import LastToken, NextToken, RandomHierarchy
from syntagma.learners import LEARNERS
from syntagma.sweep.onnx_file import write_onnx
from test_learners import drawn

onnxruntime: Any = pytest.importorskip("onnxruntime")
pytest.importorskip("jax2onnx")
LANGUAGE = RandomHierarchy(4, 2, 2, 2, seed=2)
SMALL = {"transformer": {"heads": 2, "layers": 2}, "attention": {"heads": 2, "layers": 2}}
CASES = [
    (kind, task)
    for kind in ("cnn", "locally-connected", "perceptron", "attention", "transformer", "elman", "lstm")
    for task in (LastToken(), NextToken())
    if task.kind == "last-token" or kind in ("transformer", "elman", "lstm")
]


@pytest.mark.filterwarnings("ignore")  # of what jax2onnx imports
@pytest.mark.parametrize(("kind", "task"), CASES, ids=lambda one: getattr(one, "kind", one))
def test_the_file_computes_the_logits_of_any_number_of_sentences(kind: str, task: Any, tmp_path: Path) -> None:
    learner = LEARNERS.named(kind).model_validate({"width": 8, **SMALL.get(kind, {})})
    network = drawn(learner, task.shape(LANGUAGE))
    write_onnx(network, tmp_path / "network.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "network.onnx"))
    for number in (1, 7):
        inputs = task.examples(LANGUAGE.sample(3, number), LANGUAGE, 3).inputs.astype(np.int32)
        (logits,) = session.run(["logits"], {"inputs": inputs})
        expected = np.asarray(network(jnp.asarray(inputs)))
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
