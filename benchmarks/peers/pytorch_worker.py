"""Answers timing requests for PyTorch, one JSON object a line on standard input and output.

Runs under a Python that has `torch`, which need not be the one that runs the benchmark. It stays alive between
requests, so that rounds of the two programs can alternate while both are warm. Requests:

    {"do": "matmul", "shape": [M, K, N], "repeats": n}      -> {"gflops": ...}
    {"do": "build", "config": {...}}                        -> {"seconds": ...}   the first step, from nothing
    {"do": "steps", "name": ..., "repeats": n}              -> {"ms": [...]}      each step of training on its own

The first line it writes says which torch it runs, on how many threads and how long its import took.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

_start = time.perf_counter()
try:
    import torch
    from pytorch_models import Decoder, HierarchicalCNN, MultiLayerAttention, TemplateTransformer
    from torch import Tensor, nn
    from torch.nn import functional as F
except ModuleNotFoundError:
    print(json.dumps({"error": f"{sys.executable} has no torch"}), flush=True)
    sys.exit(1)

_IMPORT_SECONDS = time.perf_counter() - _start


def training_step(config: dict[str, Any]) -> Callable[[], float]:
    """A function that takes one optimiser step of the network of `config` and returns its milliseconds.

    As in the public script: inputs are made once and kept (one-hot ones as float32 tensors), each step takes a batch of
    them, and reads the loss as a Python number.
    """
    torch.manual_seed(0)
    vocab, length, batch = config["vocab"], config["branching"] ** config["depth"], config["batch"]
    sentences = torch.randint(vocab, (16 * batch, length))
    model, inputs, targets = _model_and_data(config, sentences)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0)
    order = torch.randperm(len(sentences))
    position = 0

    def step() -> float:
        nonlocal position
        start = time.perf_counter()
        index = order[position : position + batch]
        position = (position + batch) % len(order)
        logits = model(inputs[index])
        if config["kind"] == "template":
            loss = F.mse_loss(logits[:, 0], targets[index])
        else:
            loss = F.cross_entropy(logits.flatten(0, -2), targets[index].flatten())
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        loss.item()
        return 1e3 * (time.perf_counter() - start)

    return step


def _model_and_data(config: dict[str, Any], sentences: Tensor) -> tuple[nn.Module, Tensor, Tensor]:
    vocab, width, layers = config["vocab"], config["width"], config["layers"]
    length = sentences.shape[1]
    if config["kind"] == "decoder":
        inputs = F.pad(sentences[:, :-1], (1, 0), value=vocab)
        return Decoder(vocab, length, width, config["heads"], layers), inputs, sentences
    if config["kind"] == "template":
        labels = torch.randint(2, (len(sentences),)) * 2.0 - 1
        return (
            TemplateTransformer(vocab, length, width, config["heads"], config["head_size"], layers),
            sentences,
            labels,
        )
    one_hot = F.one_hot(sentences, vocab).float()
    one_hot[:, -1] = vocab**-0.5
    if config["kind"] == "convolution":
        return HierarchicalCNN(vocab, config["branching"], width, layers), one_hot.mT.contiguous(), sentences[:, -1]
    return MultiLayerAttention(vocab, length, width, config["heads"], layers), one_hot, sentences[:, -1]


def matmul_gflops(shape: tuple[int, int, int], repeats: int) -> float:
    """Rate of a layer's three products at `[M, K] x [K, N]`: forward, gradients of its input and of its weights."""
    rows, inner, columns = shape
    x, w, g = torch.randn(rows, inner), torch.randn(inner, columns), torch.randn(rows, columns)

    def round_seconds() -> float:
        start = time.perf_counter()
        for _ in range(repeats):
            x @ w
            g @ w.T
            x.T @ g
        return (time.perf_counter() - start) / repeats

    round_seconds()
    return 6e-9 * rows * inner * columns / statistics.median(round_seconds() for _ in range(5))


def main() -> None:
    steps: dict[str, Callable[[], float]] = {}
    hello = {"version": torch.__version__, "threads": torch.get_num_threads(), "import_seconds": _IMPORT_SECONDS}
    print(json.dumps(hello), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "matmul":
            answer: dict[str, Any] = {"gflops": matmul_gflops(request["shape"], request["repeats"])}
        elif request["do"] == "build":
            start = time.perf_counter()
            steps[request["config"]["name"]] = step = training_step(request["config"])
            step()
            answer = {"seconds": time.perf_counter() - start}
        else:
            answer = {"ms": [steps[request["name"]]() for _ in range(request["repeats"])]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
