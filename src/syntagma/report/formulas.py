"""Texts as HTML: formulas as MathML, papers as links, all else escaped.

Formulas are written as in claims and headings, `P_l (1 - f) ~ m^(2l-1)`, or between dollar signs as in figures,
`$m^{2}$`. A formula is a run of letters, numbers, signs and brackets around at least one index or exponent.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from syntagma.plot.html_text import SIGNS

_LETTER = "[A-Za-zα-ωΑ-Ωℓ]"
_NAMES = "max|min|inf|test|train|alpha|beta|gamma|kappa|lambda|sigma"
_INDEX = rf"(?:\{{[^{{}}]*\}}|\([^()]*\)|-?\d+(?:\.\d+)?|-?(?:{_NAMES})\b|[A-Za-zα-ω]\b|∞)"
_SCRIPT = rf"(?<![A-Za-z_]){_LETTER}(?:[_^]{_INDEX})+(?![A-Za-z])"
_BRACKETS = rf"\((?:[\s\d+*/.−-]|(?<!\w){_LETTER}(?!\w))+\)"
_ATOM = rf"(?:{_SCRIPT}|\d+(?:\.\d+)?(?![\w.])|(?<![\w'])[b-zBC-HJ-Zα-ω](?![\w'])|{_BRACKETS})"
_SIGN = r"\s*[-+−*/=<>~≈≤≥×]\s*"
_FORMULA = re.compile(rf"{_ATOM}(?:(?:{_SIGN}|\s?)(?:{_ATOM}))*")
_TOKENS = re.compile(rf"(?P<number>\d+(?:[.,]\d+)*)|(?P<name>{_NAMES}|ln|log|{_LETTER})|(?P<open>[({{])|"
                     r"(?P<close>[)}])|(?P<script>[_^])|(?P<sign>\S)")  # fmt: skip
_PAPER = re.compile(r"\b(\d{4}\.\d{4,5})(?:v\d+)?\b")


def rich(text: str) -> str:
    """`text` as HTML: `rich("P_3 < m^4, arXiv 2505.07070")`; what was escaped stays so."""
    pieces = text.split("$")
    if len(pieces) % 2 == 0:  # a lone dollar sign
        pieces = [text]
    return "".join(mathml(_plain(piece)) if i % 2 else "".join(_words(piece)) for i, piece in enumerate(pieces))


def mathml(formula: str) -> str:
    """One formula: `mathml("m^(2l-1)")`."""
    tokens = [(match.lastgroup or "", match[0]) for match in _TOKENS.finditer(formula)]
    return f"<math>{''.join(_row(tokens))}</math>"


def _words(text: str) -> Iterator[str]:
    at = 0
    for match in _FORMULA.finditer(text):
        if re.search(_SCRIPT, match[0]):
            yield _linked(text[at : match.start()]) + mathml(match[0])
            at = match.end()
    yield _linked(text[at:])


def _linked(text: str) -> str:
    return _PAPER.sub(r'<a href="https://arxiv.org/abs/\1" rel="noreferrer">\g<0></a>', html.escape(text))


def _plain(formula: str) -> str:
    """A formula of figures in the signs of all others."""
    formula = re.sub(r"\\(?:mathrm|text)\{([^}]*)\}", r"\1", formula)
    return re.sub(r"\\([A-Za-z]+|,)", lambda match: SIGNS.get(match[1], match[1]), formula)


def _row(tokens: list[tuple[str, str]]) -> Iterator[str]:
    """Elements of a row, taken off the front of `tokens`: each atom with the indices that follow it."""
    while tokens:
        atom = _atom(tokens)
        scripts: dict[str, str] = {}
        while tokens and tokens[0][0] == "script" and len(tokens) > 1:
            sign = tokens.pop(0)[1]
            scripts[sign] = _atom(tokens, bare=True)
        tag = {"_": "msub", "^": "msup"}.get("".join(scripts), "msubsup")
        ordered = "".join(scripts[sign] for sign in "_^" if sign in scripts)
        yield f"<{tag}>{atom}{ordered}</{tag}>" if scripts else atom


def _atom(tokens: list[tuple[str, str]], *, bare: bool = False) -> str:
    """One element; of a group as an index the brackets are left out, and a sign before a number belongs to it."""
    kind, text = tokens.pop(0)
    if kind == "open":
        inner, depth = [], 1
        while tokens and (depth := depth + {"open": 1, "close": -1}.get(tokens[0][0], 0)):
            inner.append(tokens.pop(0))
        if tokens:
            tokens.pop(0)
        row = "".join(_row(inner))
        return f"<mrow>{row}</mrow>" if bare or text == "{" else f"<mrow><mo>(</mo>{row}<mo>)</mo></mrow>"
    if kind == "sign" and bare and tokens:
        return f"<mrow><mo>−</mo>{_atom(tokens)}</mrow>"
    tag = {"number": "mn", "name": "mi"}.get(kind, "mo")
    return f"<{tag}>{html.escape('−' if text == '-' else SIGNS.get(text, text))}</{tag}>"
