"""What learning curves on grammars show, in a sentence that can be the title of their figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from syntagma.studies.grammar.curves import GrammarCurve


def who_needs_most(curves: Mapping[tuple[str, int], GrammarCurve], levels: int, who: Callable[[str], str]) -> str:
    """How many times the examples of the best learner the worst needs; "" where no two were measured.

    Said of the highest level, and there of the most rules, at which two learners have a threshold that does not rest on
    a training that diverged or was cut short.

    Args:
        curves: by learner and number of rules m.
        who: what a learner is called in a sentence.
    """
    for level in range(levels, 0, -1):
        for m in sorted({rules for _, rules in curves}, reverse=True):
            known = {name: curve.threshold(level) for (name, rules), curve in curves.items() if rules == m}
            sizes = {name: one.value for name, one in known.items() if one.measured and not one.caveat}
            if len(sizes) > 1:
                most, least = max(sizes, key=lambda name: sizes[name]), min(sizes, key=lambda name: sizes[name])
                times = curves[most, m].over(curves[least, m], level)
                return f"At level {level} and m = {m}, {who(most)} needs {times} times the examples of {who(least)}"
    return ""
