"""Milliseconds a training step takes, here and in the usual eager PyTorch script, measured side by side.

    python benchmarks/training.py --torch-python /path/to/a/python/that/has/torch

Both programs stay alive and take turns, A B A B, so that what else the machine does meets both. Before them each round
times the matrix products of the configuration's largest layer (forward and both gradients) in each framework, so that

    ratio of times = (ratio of product rates) x (what design gives: operations saved, and time beside the products).

"Share" is the rate of nominal operations as a part of the same framework's product rate. Nominal operations are
those of the network as the paper writes it: every product dense, every position computed, 2 a multiply-add, backward
twice the forward less the gradient of the inputs. Syntagma does fewer (gathered one-hot rows, the last layer for one
position), so its share may exceed 1. Configurations: those of the public script of arXiv 2505.07070 at v=32, s=2, L=4,
batch 128, Adam, float32; and that of arXiv 2310.09753 for templates of 4 symbols and a class token, labels +1 and -1,
both identities trained, with few symbols and with many. Other work on the machine slows the two programs unequally: the
load is printed, and should be near zero before.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from syntagma.cli import program_cache

WORKER = Path(__file__).parent / "peers" / "pytorch_worker.py"
START_UP_LIMIT_SECONDS = 5.0


@dataclass(frozen=True)
class Config:
    """One network and its batches."""

    name: str
    kind: Literal["attention", "convolution", "decoder", "template"]
    width: int
    layers: int
    heads: int = 1
    head_size: int = 0
    vocab: int = 32
    branching: int = 2
    depth: int = 4
    batch: int = 128

    @property
    def positions(self) -> int:
        return self.batch * self.branching**self.depth

    def product_shape(self) -> tuple[int, int, int]:
        """`[M, K] x [K, N]` of the layer with most operations."""
        if self.kind == "convolution":
            return self.positions // self.branching**2, self.branching * self.width, self.width
        if self.kind == "template":
            return self.positions + self.batch, self.width, 3 * self.heads * self.head_size
        return self.positions, self.width, (4 if self.kind == "decoder" else 1) * self.width

    def nominal_flops(self) -> int:
        """Operations of one step's matrix products, as defined above."""
        if self.kind == "convolution":
            sizes = [self.vocab] + [self.width] * (self.layers - 1)
            layers = [
                2 * self.positions // self.branching**level * size * self.width for level, size in enumerate(sizes)
            ]
            return 3 * (sum(layers) + 2 * self.batch * self.width * self.vocab) - layers[0]
        square, length = self.width**2, self.branching**self.depth
        if self.kind == "template":
            inner = self.heads * self.head_size
            layer = 8 * self.width * inner + 8 * square + 4 * (length + 1) * inner
            return 3 * (self.layers * (self.positions + self.batch) * layer + 2 * self.batch * self.width)
        attention = self.positions * (8 * square + 4 * length * self.width)
        if self.kind == "decoder":
            return 3 * (
                self.layers * (attention + 16 * self.positions * square) + 2 * self.positions * self.width * self.vocab
            )
        embedding = 2 * self.positions * self.vocab * self.width
        return 3 * (self.layers * attention + embedding + 2 * self.batch * self.width * self.vocab) - embedding


CONFIGS = (
    Config("attention-only, width 128", "attention", width=128, heads=8, layers=4),
    Config("attention-only, width 512", "attention", width=512, heads=16, layers=4),
    Config("convolutional, width 128", "convolution", width=128, layers=4),
    Config("convolutional, width 512", "convolution", width=512, layers=4),
    Config("pre-norm decoder, width 128", "decoder", width=128, heads=8, layers=3),
    *[
        Config(f"template, {vocab} symbols", "template", 128, 2, heads=16, head_size=64, vocab=vocab, depth=2)
        for vocab in (100, 2000)
    ],
)


def syntagma_step(config: Config) -> Callable[[], float]:
    """A function that trains for some steps with this package's engine and returns milliseconds per step.

    The time is the engine's own for a whole call, drawing and gathering of batches included and its one evaluation left
    out. One call, which compiles, has been made.
    """
    from syntagma.languages.hierarchy import RandomHierarchy
    from syntagma.learners import Training
    from syntagma.learners.engine import STEPS_PER_CALL, Engine
    from syntagma.learners.networks.attention_only import MultiLayerAttention
    from syntagma.learners.networks.convolution import HierarchicalCNN
    from syntagma.learners.networks.transformer import Transformer
    from syntagma.randomness import stream
    from syntagma.tasks import Examples, LastToken, NextToken, Shape

    network: dict[str, Any] = {"width": config.width, "heads": config.heads, "layers": config.layers}
    if config.kind == "convolution":
        learner = HierarchicalCNN(width=config.width)
    elif config.kind == "template":
        extra = {"attention": "full", "read_out": "class-token", "activation": "gelu", "mlp_ratio": 2}
        identities = {"score_identity": 1.0, "answer_identity": 1.0}
        learner = Transformer.model_validate(network | extra | identities | {"head_size": config.head_size})
    else:
        learner = (Transformer if config.kind == "decoder" else MultiLayerAttention)(**network)
    steps = min(STEPS_PER_CALL, max(4, round(3e11 / config.nominal_flops())))  # as long a call as studies make
    training = Training(
        batch_size=config.batch, max_steps=steps, train_loss_threshold=0, patience=1000, evaluations_per_doubling=1
    )
    sizes = (16 * config.batch, config.batch)
    if config.kind == "template":
        length = config.branching**config.depth
        shape = Shape(config.vocab, length, 1, loss="squared")
        draws = [stream(0, "benchmark", n) for n in sizes]
        train, test = (
            Examples(g.integers(config.vocab, size=(n, length)), g.choice([-1.0, 1.0], size=n))
            for g, n in zip(draws, sizes, strict=True)
        )
    else:
        language = RandomHierarchy(config.vocab, 4, config.branching, config.depth)
        task = NextToken() if config.kind == "decoder" else LastToken()
        shape = task.shape(language)
        train, test = (task.examples(language.sample(seed, n), language, seed) for seed, n in enumerate(sizes))
    engine = Engine(learner, shape, training)

    def timed() -> float:
        metrics = engine.fit([train], [test], [test], [0])[0].metrics
        return 1e3 * (metrics["seconds"] - metrics["seconds_evaluating"]) / metrics["steps"]

    timed()
    return timed


def product_gflops(shape: tuple[int, int, int], repeats: int) -> float:
    """JAX's rate of a layer's three products at `[M, K] x [K, N]`: forward, gradients of its input and weights."""
    import jax

    rows, inner, columns = shape
    keys = jax.random.split(jax.random.key(0), 3)
    sizes = ((rows, inner), (inner, columns), (rows, columns))
    x, w, g = (jax.random.normal(key, size) for key, size in zip(keys, sizes, strict=True))
    products = jax.jit(lambda x, w, g: (x @ w, g @ w.T, x.T @ g))

    def round_seconds() -> float:
        start = time.perf_counter()
        for _ in range(repeats):
            answer = products(x, w, g)
        jax.block_until_ready(answer)
        return (time.perf_counter() - start) / repeats

    round_seconds()
    return 6e-9 * rows * inner * columns / statistics.median(round_seconds() for _ in range(5))


_START_UP = """
import json, time
start = time.perf_counter()
from syntagma.learners import Engine
from syntagma.studies import load
from syntagma.tasks import LastToken
imported = time.perf_counter()
settings, task = load("scaling-laws").presets["quick"], LastToken()
language = settings.language(settings.rules[0], 0).language()
examples = task.examples(language.sample(0, settings.test_examples), language, 0)
for contender in settings.learners.values():
    training = contender.training.model_copy(update={"max_steps": 1})
    Engine(contender.learner, task.shape(language), training).fit([examples], [examples], [examples], [0])
print(json.dumps({"import": imported - start, "first steps": time.perf_counter() - imported}))
"""


def start_up_seconds() -> dict[str, dict[str, float]]:
    """Seconds of a fresh process to import, and to compile and run one step and test of the quick preset's learners.

    As a command does it, which keeps compiled programs on disk: the first time on a machine, and again.
    """
    with tempfile.TemporaryDirectory() as cache:
        variables = os.environ | program_cache.settings({"XDG_CACHE_HOME": cache})
        command = [sys.executable, "-c", _START_UP]
        outputs = [
            subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=variables).stdout
            for _ in range(2)
        ]
    return dict(zip(("the first time", "again"), map(json.loads, outputs), strict=True))


class Peer:
    """PyTorch in a process of its own; see `peers/pytorch_worker.py`."""

    def __init__(self, python: str) -> None:
        try:
            self._process = subprocess.Popen(
                [python, str(WORKER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        except OSError as error:
            sys.exit(f"error: --torch-python {python} cannot be run: {error.strerror}. Name a Python that has torch.")
        self.hello = self._answer()
        if "error" in self.hello:
            sys.exit(f"error: {self.hello['error']}. Name a Python that has it: --torch-python PATH, or use --alone.")

    def ask(self, **request: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            sys.exit("error: the PyTorch process ended early; its own message stands above.")
        return json.loads(line)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


@dataclass
class Timing:
    """Both programs on one configuration: milliseconds a step and GFLOP/s of products by round, seconds to be ready."""

    ours: list[float]
    theirs: list[float]
    our_products: list[float]
    their_products: list[float]
    our_build_seconds: float
    their_build_seconds: float


def measure(config: Config, peer: Peer | None, rounds: int, seconds: float) -> Timing:
    """Alternate `rounds` turns of about `seconds` each."""
    start = time.perf_counter()
    step = syntagma_step(config)
    timing = Timing([], [], [], [], time.perf_counter() - start, 0.0)
    if peer:
        timing.their_build_seconds = peer.ask(do="build", config=asdict(config))["seconds"]
    shape = config.product_shape()
    repeats = max(1, round(2e9 * seconds / shape[0] / shape[1] / shape[2]))
    for _ in range(rounds):
        timing.our_products.append(product_gflops(shape, repeats))
        timing.ours.append(_turn(lambda: [step()], seconds))
        if peer:
            timing.their_products.append(peer.ask(do="matmul", shape=shape, repeats=repeats)["gflops"])
            timing.theirs.append(_turn(lambda: peer.ask(do="steps", name=config.name, repeats=4)["ms"], seconds))
    return timing


def _turn(steps: Callable[[], list[float]], seconds: float) -> float:
    """Median milliseconds of the steps that fit into `seconds`; the first, after the other's turn, left out."""
    steps()
    end, milliseconds = time.perf_counter() + seconds, []
    while time.perf_counter() < end or not milliseconds:
        milliseconds += steps()
    return statistics.median(milliseconds)


def report(config: Config, timing: Timing) -> dict[str, Any]:
    """One row; ratios are medians over rounds of the two programs' neighbouring turns."""
    gflop = 1e-6 * config.nominal_flops()
    row: dict[str, Any] = {
        "configuration": config.name,
        "syntagma ms": statistics.median(timing.ours),
        "syntagma products GFLOP/s": statistics.median(timing.our_products),
        "syntagma share": _ratio([gflop / ms for ms in timing.ours], timing.our_products),
        "syntagma ready s": timing.our_build_seconds,
    }
    if not timing.theirs:
        return row
    total = _ratio(timing.theirs, timing.ours)
    products = _ratio(timing.our_products, timing.their_products)
    return row | {
        "PyTorch ms": statistics.median(timing.theirs),
        "PyTorch products GFLOP/s": statistics.median(timing.their_products),
        "PyTorch share": _ratio([gflop / ms for ms in timing.theirs], timing.their_products),
        "PyTorch ready s": timing.their_build_seconds,
        "times faster": total,
        "by products": products,
        "by design": total / products,
    }


def _ratio(above: list[float], below: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def show(rows: list[dict[str, Any]]) -> None:
    """A table with a column a configuration."""
    width = max(len(row["configuration"]) for row in rows) + 2
    print(" " * 27 + "".join(f"{row['configuration']:>{width}}" for row in rows))
    for name in list(rows[0])[1:]:
        form = ".0%" if name.endswith("share") else ".0f" if name.endswith("GFLOP/s") else ".2f"
        print(f"{name:<27}" + "".join(f"{row[name]:>{width}{form}}" for row in rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--torch-python", default=sys.executable, metavar="PATH", help="a Python that has torch")
    parser.add_argument("--alone", action="store_true", help="without PyTorch")
    parser.add_argument("--only", default="", metavar="TEXT", help="the configurations whose name has TEXT in it")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each program's turn")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    chosen = [config for config in CONFIGS if options.only in config.name]
    if not chosen or options.rounds < 1:
        parser.error(f"nothing to do: --only {options.only!r}, --rounds {options.rounds}")
    peer = None if options.alone else Peer(options.torch_python)
    before, start_up = os.getloadavg()[0], start_up_seconds()
    rows = []
    for config in chosen:
        print(f"measuring: {config.name}", file=sys.stderr)
        rows.append(report(config, measure(config, peer, options.rounds, options.seconds)))
    if peer:
        peer.close()
    if options.json:
        print(json.dumps({"PyTorch": peer and peer.hello, "start up s": start_up, "rows": rows}, indent=1))
        return
    show(rows)
    load = f"load of the machine {before:.1f} before, {os.getloadavg()[0]:.1f} after, on {os.cpu_count()} processors"
    print(f"medians of {options.rounds} rounds; {load}")
    for when, known in start_up.items():
        parts = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in known.items())
        print(f"start of the quick preset's learners, {when}: {parts}")
    print(f"at most {START_UP_LIMIT_SECONDS:.0f} s together is wanted")
    if peer:
        print(f"PyTorch {peer.hello['version']}, eager, {peer.hello['threads']} threads")


if __name__ == "__main__":
    main()
