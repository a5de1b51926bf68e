"""Claims of the study: who answers symbols never seen, what theory says of kernels, and the further experiments."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from syntagma.curves import Claim, PerSeed, certain, mean, power_law, training_caveat, unmeasured
from syntagma.studies.abstract_symbols.contenders import PLAIN, REPAIRED
from syntagma.studies.abstract_symbols.measured import Measured, difference
from syntagma.studies.abstract_symbols.predictions import certificates_rows, rank_of
from syntagma.studies.abstract_symbols.tables import GRID_POINT, HEAD_NAMES, grid_rows, largest_cosines

_PAPER = "arXiv 2310.09753"
FINITE_ALPHABET = 0.1
"""What the certificate's curve, of an unlimited alphabet, may be off by with the alphabets of the presets."""


def claims(measured: Measured) -> Iterator[Claim]:
    """All claims, in the order in which they are read."""
    yield from _rank_claims(measured)
    yield from _answers(measured)
    yield from _kernel_claims(measured)
    for family in measured.settings.families:
        if {PLAIN, REPAIRED} <= set(measured.settings.known(family)):
            text = f"{family}: the transformer needs more strings without a, b than with them"
            yield Claim(text, "factor > 1", measured.saved(family), "above", 1.0, f"{_PAPER}, section 6")
    yield from _ablation_claims(measured)
    yield from _diversity_claims(measured)
    yield from _copying_claims(measured)
    yield from _random_claims(measured)
    yield from _grid_claims(measured)
    yield from _head_claims(measured)
    yield from _text_claims(measured)


def _rank_claims(measured: Measured) -> Iterator[Claim]:
    """The paper's theorem, task by task, by expanding K_trans: what is derived, so that no measurement can test it."""
    found = {name: rank_of(measured.facts, one) for name, one in measured.settings.families.items()}
    full = [name for name, one in found.items() if one.full]
    orders = ", ".join(f"{name} beta^{2 * found[name].order}" for name in full)
    text = "the template matrix of K_trans is singular for no task, isolated values of beta aside"
    shown = (
        f"shown for {len(full)} of {len(found)} tasks; smallest eigenvalue of the covariance after attention: {orders}"
    )
    yield Claim(text, "every task", certain(len(full) / len(found)), source=f"{_PAPER}, section 3", shown=shown)


def _answers(measured: Measured) -> Iterator[Claim]:
    """Each learner at its largest number of strings: above half-way from what compares no symbols to 1, or not.

    A certificate that promises answers promises them from so many strings on; fewer do not test it.
    """
    settings = measured.settings
    for row in certificates_rows(settings, measured.found):
        curve = measured.wrong.get((row["family"], row["learner"]))
        if curve is None or not row["counted"]:
            continue
        half, last = measured.half_way(row["family"]), curve.num_examples[-1]
        right = curve.final(below=1 - half).complement()
        rule = {"generalises": "above", "does not": "below"}.get(row["predicted"], "finding")
        predicted = row["predicted"]
        if rule == "above" and not settings.families[row["family"]].symbolic and row["strings_high"] > last:
            rule, predicted = "finding", f"generalises, from {row['strings']:,.0f} strings on: not tested at this size"
        shown = f"accuracy {right} after {last:.0f} strings (half-way from what compares no symbols: {half:.2f})"
        text = f"{row['family']}: the {row['label']} answers strings of symbols never seen"
        yield Claim(text, predicted, right, rule, half, row["source"], shown=shown)  # pyright: ignore


def _kernel_claims(measured: Measured) -> Iterator[Claim]:
    """Where kernel regression learns, against the certificate's curve."""
    for family, learner in measured.kernels():
        strings, predicted = measured.three_quarters(family, learner)
        if math.isnan(predicted):
            continue
        label = measured.settings.learners[learner].label
        text = f"{family}: strings at which {label} has lost three quarters of its squared error on unseen symbols"
        source = "theory.templates, f at finite n"
        if math.isinf(predicted):
            last = measured.losses[family, learner].num_examples[-1]
            yield Claim(text, f"more than {last:.0f}", strings, "above", float(last), source)
        elif predicted == 0:
            yield Claim(text, "fewer than the smallest size", strings, source=source)
        else:
            near = strings.near(predicted, FINITE_ALPHABET)
            yield Claim(text, f"{predicted:.0f}, give or take a tenth", strings, "equals", near, source, resolution=4.0)


def _diversity_claims(measured: Measured) -> Iterator[Claim]:
    """More distinct substitutions, better answers on symbols never seen."""
    table: Any = measured.part("substitutions")
    for learner in (PLAIN, REPAIRED):
        rows = table[table["learner"] == learner] if len(table) else table
        if not len(rows):
            continue
        few, many = rows["substitutions"].min(), rows["substitutions"].max()
        gain = difference(rows, "substitutions", many, few, "unseen_accuracy")
        text = f"{rows['family'].iloc[0]}: the {rows['label'].iloc[0]} gains accuracy on unseen symbols from "
        text += f"{int(many)} instead of {int(few)} substitutions a template"
        yield Claim(text, "difference > 0", gain, "above", 0.0, "arXiv 2310.09753, section 3")


def _copying_claims(measured: Measured) -> Iterator[Claim]:
    """Inverse scaling without b, and its repair."""
    table: Any = measured.part("copying")
    if not len(table):
        return
    source, metric = "arXiv 2310.09753, section 4", "unseen_accuracy"
    narrow, wide = int(table["width"].min()), int(table["width"].max())
    plain, repaired = (table[table["identity"] == identity] for identity in (False, True))
    text = f"copying without b: accuracy on unseen symbols falls from width {narrow} to {wide}"
    yield Claim(text, "difference > 0", difference(plain, "width", narrow, wide, metric), "above", 0.0, source)
    best: Any = int(plain.groupby("width")[metric].mean().idxmax()) if len(plain) else narrow
    if best not in (narrow, wide):
        text = f"copying without b: accuracy on unseen symbols falls from its best, at width {best}, to width {wide}"
        yield Claim(text, "chosen after seeing it", difference(plain, "width", best, wide, metric), source=source)
    text = f"copying at width {wide}: accuracy on unseen symbols is larger with b than without"
    gain = difference(table[table["width"] == wide], "identity", True, False, metric)
    yield Claim(text, "difference > 0", gain, "above", 0.0, source)
    text = f"copying with b: accuracy on unseen symbols at width {wide} less that at {narrow}"
    yield Claim(text, "no prediction", difference(repaired, "width", wide, narrow, metric), source=source)


def _ablation_claims(measured: Measured) -> Iterator[Claim]:
    """What other ways to train the plain transformer save; nothing is predicted of finite networks."""
    chosen = measured.settings.ablations
    if chosen is None:
        return
    for family in chosen.families:
        for name, contender in chosen.learners.items():
            if (family, name) in measured.wrong:
                text = f"{family}: strings that the transformer needs, over those of the {contender.label}"
                yield Claim(text, "no prediction", measured.saved(family, name), source=_PAPER)


def _random_claims(measured: Measured) -> Iterator[Claim]:
    chosen = measured.settings.random_sets
    if chosen is None:
        return
    for learner in chosen.learners:
        label = measured.settings.learners[learner].label
        known = [count for count in chosen.counts if (count, learner) in measured.random]
        needed = [measured.random[count, learner].crossing(0.25) for count in known]
        reached = [(count, one) for count, one in zip(known, needed, strict=True) if not math.isnan(one.value)]
        grows = unmeasured("half-way is not reached at two numbers of templates")
        if len(reached) > 1:
            grows = power_law([count for count, _ in reached], [one for _, one in reached])
        text = f"random sets: power of the number of templates with which the strings needed by the {label} grow"
        shown = f"r^k, k = {grows}, from {len(reached)} of {len(chosen.counts)} numbers of templates"
        yield Claim(text, "no prediction", grows, source=f"{_PAPER}, section 3", shown=shown)


def _grid_claims(measured: Measured) -> Iterator[Claim]:
    """Whether the point of the smallest loss on symbols seen is also the best on symbols never seen."""
    chosen, rows = measured.settings.grid, grid_rows(measured)
    if chosen is None or not len(rows):
        return
    runs = measured.part("grid").set_index(GRID_POINT)["unseen_accuracy"].sort_index()
    best = rows.iloc[0]
    own: Any = runs.loc[tuple(best[GRID_POINT])]
    written = ", ".join(f"{name} {best[name]:g}" for name in GRID_POINT)
    top = rows["unseen_accuracy"].max()
    size = f"{chosen.family}, {chosen.num_examples} strings"
    text = f"{size}: accuracy on symbols never seen where the loss on seen ones is least"
    right = replace(PerSeed.exact(own.to_numpy(float)).interval(), caveat=training_caveat(measured.part("grid")))
    shown = f"{right} at {written}; the best of {len(rows)} points has {top:.2f}"
    yield Claim(text, "chosen after seeing it", right, source=_PAPER, shown=shown)


def _head_claims(measured: Measured) -> Iterator[Claim]:
    """Whether heads move towards a multiple of the identity: what was seen, since nothing is predicted of its size."""
    groups: Any = measured.heads.groupby(["family", "learner", "map"], sort=False) if len(measured.heads) else ()
    for (family, _, name), own in groups:
        largest = largest_cosines(own)
        moved = mean((largest["after"] - largest["before"]).to_numpy(float))
        label = own["label"].iloc[0]
        text = (
            f"{family}: {HEAD_NAMES[str(name)]} of the {label} is nearer to a multiple of the identity after training"
        )
        shown = f"largest cosine {largest['before'].mean():.2f} before, {largest['after'].mean():.2f} after: {moved}"
        yield Claim(text, "no prediction", moved, source=_PAPER, shown=shown)


def _text_claims(measured: Measured) -> Iterator[Claim]:
    """Language modelling at equal compute, by characters and by words; by words also where they are rare."""
    for part, unit, of in (("text", "character", "characters"), ("words", "word", "words")):
        if part == "words" and measured.settings.word_model is None:
            continue
        text = f"{of} of a text: the decoder's loss is lower with a, b than without, at equal compute"
        table = measured.part(part)
        if not len(table):
            gain, shown = unmeasured("no text was given: add --set text=FILE"), ""
        else:
            gain = difference(table, "identity", False, True, "test_loss")
            shown = f"{gain} nats a {unit}"
        yield Claim(text, "difference > 0", gain, "above", 0.0, f"{_PAPER}, section 6", shown=shown)
    for band in measured.words["band"].unique():
        own = measured.words[measured.words["band"] == band]
        gain = difference(own, "identity", False, True, "loss")
        text = f"words of frequency rank {band}: what a, b take off the loss"
        yield Claim(text, "no prediction", gain, source=f"{_PAPER}, section 6", shown=f"{gain} nats a word")
