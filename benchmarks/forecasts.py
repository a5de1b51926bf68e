"""How good forecasts are: made from the first 1 and 10 percent of a text, compared with losses measured on all of it.

    python benchmarks/forecasts.py plays=plays.txt:char novel=novel.txt:word:4000 sources=stdlib:bpe:1024
    python benchmarks/forecasts.py random-hierarchy hidden-markov

A text is NAME=SOURCE:TOKENS[:VOCAB], as `Corpus.read` takes them, or one of two made here. `--most` bounds the tokens
of its training part. One line of a Markdown table for each forecast, and the mean absolute errors of each method, in
nats a token. What is measured is the loss of modified Kneser-Ney counts, or with `--decoders` that of small decoder
transformers; see `syntagma.studies.corpus_forecast.backtest`. Each text takes one to three minutes of one core.
"""

from __future__ import annotations

import argparse
import math
import time
from collections import defaultdict

import numpy as np

from syntagma.languages import RandomHierarchy
from syntagma.languages.corpora import Corpus
from syntagma.languages.hidden_markov import Chain, HiddenMarkov
from syntagma.randomness import stream
from syntagma.studies.corpus_forecast.backtest import Held, Row, backtest
from syntagma.studies.corpus_forecast.decoders import Decoders

_HELD_OUT = 50_000
"""Tokens that choose, and as many that are predicted."""


def read(source: str, most: int) -> tuple[str, Held]:
    name, _, where = source.partition("=")
    if name == "random-hierarchy":
        return name, made(RandomHierarchy(16, 4, 2, 6, seed=0).sample(0, 20_000).tokens, 16, most)
    if name == "hidden-markov":
        return name, made(hidden_markov().sample(0, 1).tokens, 16, most)
    if ":" not in where:
        raise SystemExit(f"{source!r} is no text: give NAME=SOURCE:TOKENS, or random-hierarchy, or hidden-markov")
    path, tokens, *size = where.split(":")
    if tokens == "bpe":
        corpus = Corpus.read(path, f"bpe:{size[0]}")
    else:
        corpus = Corpus.read(path, tokens, vocab=int(size[0]) if size else None)
    parts = [corpus[part] for part in ("train", "validation", "test")]
    limits = (most, _HELD_OUT, _HELD_OUT)
    texts = [np.asarray(part.tokens[:limit]) for part, limit in zip(parts, limits, strict=True)]
    starts = [np.asarray(part.documents) for part in parts]
    kept = [begin[begin < len(text)] if len(begin) > 1 else None for begin, text in zip(starts, texts, strict=True)]
    return name, Held(texts[0], texts[1], texts[2], corpus.vocab, (kept[0], kept[1], kept[2]))


def made(sentences: np.ndarray, vocab: int, most: int) -> Held:
    """Sentences as documents; nine tenths train, a twentieth each validates and tests."""
    number, length = sentences.shape
    lines = sentences if number > 1 else sentences.reshape(20, -1)
    train = int(0.9 * len(lines))
    cuts = [lines[:train], lines[train : (train + len(lines)) // 2], lines[(train + len(lines)) // 2 :]]
    texts = [part.reshape(-1)[:limit] for part, limit in zip(cuts, (most, _HELD_OUT, _HELD_OUT), strict=True)]
    starts = [np.arange(0, len(text), length) if number > 1 else None for text in texts]
    return Held(texts[0], texts[1], texts[2], vocab, (starts[0], starts[1], starts[2]))


def hidden_markov() -> HiddenMarkov:
    """Six states that stay for some ten tokens, sixteen tokens: correlations that fall exponentially."""
    draws = stream(0, "hidden markov")
    stay = 0.9 * np.eye(6) + 0.1 * draws.dirichlet(np.ones(6), size=6)
    emissions = draws.dirichlet(np.full(16, 0.3), size=6)
    chain = Chain.model_validate({"start": [1 / 6] * 6, "transitions": stay.tolist(), "emissions": emissions.tolist()})
    return HiddenMarkov(vocab=16, sentence_length=1_000_000, models=(chain,))


def line(name: str, row: Row) -> str:
    interval = "" if math.isnan(row.low) else f" [{row.low:.3f}, {row.high:.3f}]"
    forecast = "none" if math.isnan(row.forecast) else f"{row.forecast:.3f}{interval}"
    error = "" if math.isnan(row.error) else f"{row.error:+.3f}"
    start = f"{row.start:.3f} | {row.measured:.3f}"
    return f"| {name} | {100 * row.share:g} % | {start} | {row.method} | {forecast} | {error} | {row.belief} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="+")
    parser.add_argument("--most", type=int, default=2_000_000)
    parser.add_argument("--longest", type=int, default=6)
    parser.add_argument("--decoders", action="store_true")
    given = parser.parse_args()
    errors: dict[tuple[str, float], list[float]] = defaultdict(list)
    print("| text | from | loss there | loss of all | method | forecast | error | believed |\n" + "| --- " * 8 + "|")
    for source in given.sources:
        begun = time.perf_counter()
        name, text = read(source, given.most)
        reasons = {}
        decoders = Decoders() if given.decoders else None
        for row in backtest(text, longest=given.longest, measure=decoders, halvings=3 if decoders else 5):
            print(line(name, row), flush=True)
            if not math.isnan(row.error):
                errors[row.method, row.share].append(abs(row.error))
            reasons |= {row.share: row.reason} if row.reason and row.method == "two exponents" else {}
        seconds = time.perf_counter() - begun
        for told in decoders.told if decoders else ():
            print(f"<!-- {told} -->")
        print(f"<!-- {name}: {len(text.train)} tokens, v = {text.vocab}, {seconds:.0f} s; {reasons} -->")
    print("\n| method | from | texts | mean absolute error (nats) |\n| --- | --- | --- | --- |")
    for (method, share), each in sorted(errors.items(), key=lambda item: (item[0][1], np.mean(item[1]))):
        print(f"| {method} | {100 * share:g} % | {len(each)} | {np.mean(each):.3f} |")


if __name__ == "__main__":
    main()
