"""Texts with formulas as HTML, for pages: `$m^{2}$` becomes `<i>m</i><sup>2</sup>`."""

from __future__ import annotations

import html
import re

SIGNS = {"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "Delta": "Δ", "infty": "∞", "times": "×", "sigma": "σ",
          "lambda": "λ", "kappa": "κ", "ell": "ℓ", "leq": "≤", "geq": "≥", ",": "\u2009"}  # fmt: skip


def html_text(text: str) -> str:
    """Text outside dollar signs escaped, formulas inside with their signs, indices and exponents."""
    parts = text.split("$")
    return "".join(_formula(part) if i % 2 else html.escape(part, quote=False) for i, part in enumerate(parts))


def _formula(text: str) -> str:
    text = re.sub(r"\\(?:mathrm|text)\{([^}]*)\}", r"\1", html.escape(text, quote=False))
    text = re.sub(r"\\([A-Za-z]+|,)", lambda match: SIGNS.get(match[1], match[1]), text)
    for sign, tag in (("_", "sub"), ("\\^", "sup")):
        text = re.sub(sign + r"(?:\{([^}]*)\}|(\S))", rf"<{tag}>\1\2</{tag}>", text)
    return re.sub(r"(?<![A-Za-z<>/&])([A-Za-z])(?![A-Za-z>;])", r"<i>\1</i>", text)
