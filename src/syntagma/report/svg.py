"""SVG that can stand inside a page: small, with ids of its own, and said to those who do not see it."""

from __future__ import annotations

import re


def inside_page(text: str, name: str, description: str) -> str:
    """The SVG file `text`, as matplotlib writes it, as an `<svg>` element as wide as what it stands in.

    Its ids and classes begin with `name`, so that a page can hold many.

    Text is text, in DejaVu Sans, or in Verdana, which has the same widths, where a reader has not got it.
    `description` is plain text, read out to those who do not see the figure.
    """
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->|<style.*?</style>", "", text, flags=re.DOTALL)
    text = _own_ids(text, name)
    text = re.sub(r' (d|x|y|points|transform)="([^"]*)"', lambda match: f' {match[1]}="{_rounded(match[2])}"', text)
    text, rules = _shared_styles(text, name)
    text = re.sub(r">\s+<", "><", text)
    opening = re.sub(r' (width|height)="[^"]*"', "", text[: text.index(">")])
    opening += f' class="{name}" role="img" aria-label="{_attribute(description)}">'
    return f"{opening}<style>\n{rules}</style>{text[text.index('>') + 1 :].strip()}"


def _shared_styles(text: str, name: str) -> tuple[str, str]:
    """Write each style once, as a class; what matplotlib sets for all elements goes to the root, which they inherit."""
    classes: dict[str, str] = {}

    def short(match: re.Match[str]) -> str:
        kept = re.sub(r"\s*font-family: 'DejaVu Sans';?", "", match[1]).strip()
        return f' class="{classes.setdefault(kept, f"{name}-{len(classes)}")}"' if kept else ""

    text = re.sub(r' style="([^"]*)"', short, text)
    common = "font-family: 'DejaVu Sans', Verdana, sans-serif; stroke-linejoin: round; stroke-linecap: butt"
    lines = [f".{name} {{ {common} }}", *(f".{one} {{ {rules} }}" for rules, one in classes.items())]
    return text, "\n".join(lines) + "\n"


def _own_ids(text: str, name: str) -> str:
    """Drop the ids that nothing refers to, and put `name` before the others."""
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    text = re.sub(r' id="([^"]*)"', lambda match: f' id="{name}-{match[1]}"' if match[1] in used else "", text)
    return re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", text)


def _rounded(coordinates: str) -> str:
    """A hundredth of a point is finer than any screen."""
    shorter = re.sub(r"\d+\.\d{3,}", lambda match: f"{float(match[0]):.2f}".rstrip("0").rstrip("."), coordinates)
    return " ".join(shorter.split())


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
