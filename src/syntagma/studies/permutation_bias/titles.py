"""What each figure says, in a sentence: the title is what came out, or what is shown where nothing came out yet."""

from __future__ import annotations

from syntagma.studies.permutation_bias.measured import NAMES, Measured
from syntagma.studies.permutation_bias.tables import (
    components_rows,
    slack_rows,
    slopes_of,
    spectra_of_blocks,
    symmetry_rows,
)


def curves_title(measured: Measured, shifted: bool) -> str:
    """How far kernel regression's errors are from the predicted ones."""
    over = {name: measured.over_predicted(name, shifted)[0] for name in NAMES}
    told = [f"{one.value:.2f} in {name}" for name, one in over.items() if one.measured]
    if not told:
        return "Test tokens of another distribution" if shifted else "Learning curves by representation"
    of = "on tokens of another distribution" if shifted else "of kernel regression"
    return f"Errors {of} are {', '.join(told)} times the predicted ones"


def spectrum_title(measured: Measured) -> str:
    """Which blocks see more than single positions."""
    spectra = spectra_of_blocks(measured.settings, measured.facts)
    reached = {
        block: [name for name in NAMES if found["sectors"][name]["reached"] == "yes"]
        for block, found in spectra.items()
    }
    few = [block for block, names in reached.items() if len(names) < len(NAMES)]
    if not few or len(few) == len(reached):
        return "The kernel's eigenvalues by representation"
    only = few[0][0].upper() + few[0][1:]
    return f"{only} reaches {' and '.join(reached[few[0]])} alone; other blocks reach all four representations"


def complexity_title(measured: Measured) -> str:
    """The measured powers of T."""
    powers = {name: measured.exponent(name) for name in measured.settings.lengths}
    told = [f"$T^{{{one.value:.1f}}}$ in {name}" for name, one in powers.items() if one.measured]
    return f"Examples needed grow as {', '.join(told)}" if told else "Examples needed against context length"


def width_title(measured: Measured) -> str:
    """The measured power of the width."""
    slope = measured.width_slope()
    if not slope.measured:
        return "Approach to the limit"
    return f"Networks' kernels come nearer to the limit as width$^{{{slope.value:.1f}}}$"


def slack_title(measured: Measured) -> str:
    """How many times the eigenvalue the bound is, at the smallest and the largest T."""
    rows = list(slack_rows(measured.settings))
    if not rows:
        return "How far the trace bound is from tight"
    first, last = rows[0], rows[-1]
    ends = (f"{row['slack']:.0f} (T = {row['length']:,})" for row in (first, last))
    return f"The trace bound is {' to '.join(ends)} times the eigenvalue"


def outputs_title(measured: Measured) -> str:
    """Slopes of outputs on the predicted ones."""
    slopes = {what: one for who, what, one in slopes_of(measured) if who == "kernel regression" and one.measured}
    if len(slopes) < 2:
        return "Outputs, sequence by sequence"
    (_, solved), (_, simple) = list(slopes.items())[:2]
    return f"Outputs have slope {solved.value:.2f} on the predicted ones, {simple.value:.2f} by the simple kernel"


def mixtures_title(measured: Measured) -> str:
    """Which read-out loses less, at the largest size."""
    ends: dict[str, list[float]] = {}
    for (_, read), curve in measured.mixtures.items():
        ends.setdefault(str(read), []).append(float(curve.losses[:, -1].mean()))
    if len(ends) < 2 or len({len(values) for values in ends.values()}) > 1:
        return "Mixtures of hidden Markov models"
    mean_less = [one < other for one, other in zip(ends["mean"], ends["last"], strict=True)]
    if all(mean_less):
        return "Read at the mean, which forgets order, the kernel loses less on every mixture of hidden Markov models"
    if not any(mean_less):
        return "Read at the last position the kernel loses less on every mixture of hidden Markov models"
    return "Which read-out loses less depends on the mixture of hidden Markov models"


def components_title(measured: Measured) -> str:
    """How many principal components are nearly symmetric."""
    shares = [row["symmetric"] for row in components_rows(measured)]
    if not shares:
        return "Principal components of the source"
    number = sum(share > 0.5 for share in shares)
    lie = "lies" if number == 1 else "lie"
    return f"{number} of {len(shares)} principal components of the source's words {lie} mostly in (T)"


def symmetry_title(measured: Measured) -> str:
    """The symmetric share of the dependence between positions in the shortest and the longest window."""
    own = [row for row in symmetry_rows(measured) if row["source"] not in ("shuffled", "sorted")]
    if not own:
        return "Permutation symmetry of a source in windows of T tokens"
    ends = {row["window"]: row["between"] for row in (own[0], own[-1])}
    told = ", ".join(f"{share:.2f} at T = {window}" for window, share in ends.items())
    return f"Share of the dependence between positions that is permutation symmetric: {told}"
