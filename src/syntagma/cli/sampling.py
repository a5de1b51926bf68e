"""The command that draws sentences."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syntagma.cli.options import number
from syntagma.errors import invalid, whole_number

if TYPE_CHECKING:
    from syntagma.languages.hierarchy import RandomHierarchy


def sample(
    vocab: Annotated[str | None, number("Symbols per level v. (default 8)")] = None,
    rules: Annotated[str | None, number("Rules per symbol m. (default 4)")] = None,
    branching: Annotated[str | None, number("Symbols per rule s. (default 2)")] = None,
    depth: Annotated[str | None, number("Levels above the tokens L. (default 3)")] = None,
    classes: Annotated[str | None, number("Root symbols. (default v)")] = None,
    zipf: Annotated[str | None, number("Zipf exponent of the rules' probabilities. (default equal rules)")] = None,
    grammar_seed: Annotated[str | None, number("Which grammar of these sizes. (default 0)")] = None,
    seed: Annotated[str, number("Which sentences of that grammar.")] = "0",
    number: Annotated[str, number("Sentences.")] = "10",
    distinct: Annotated[bool, typer.Option("--distinct", help="No sentence twice.")] = False,
    hidden: Annotated[bool, typer.Option("--hidden", help="All levels of the tree, the root first.")] = False,
    grammar: Annotated[str | None, typer.Option(help="Use the grammar in this file.", metavar="FILE")] = None,
    save_grammar: Annotated[str | None, typer.Option(help="Write the grammar to this file.", metavar="FILE")] = None,
    out: Annotated[str | None, typer.Option(help="Write to this file: .npy, .npz, else text.", metavar="FILE")] = None,
) -> None:
    """Draw sentences of a random hierarchy language. For train, validation and test sets see `syntagma export`."""
    from syntagma.cli import sentences
    from syntagma.cli.paths import file_to_write, to_read
    from syntagma.cli.settings import read_value

    place = None if out is None else file_to_write("out", out)
    kept = None if save_grammar is None else file_to_write("save-grammar", save_grammar)
    source = None if grammar is None else to_read("grammar", grammar)
    if place is not None:
        sentences.check_destination(place, hidden)
    sizes = {"vocab": vocab, "rules": rules, "branching": branching, "depth": depth}
    sizes |= {"num_classes": classes, "rule_probabilities": zipf}
    sizes["grammar-seed"] = grammar_seed
    language = _language(source, {name: read_value(text) for name, text in sizes.items() if text is not None})
    drawn = language.sample(read_value(seed), read_value(number), hidden=hidden, distinct=distinct)
    if place is not None:
        sentences.write(drawn, place)
    if kept is not None:
        language.save(kept)
    if place is None:
        sys.stdout.writelines(line + "\n" for line in sentences.lines(drawn))


def _language(grammar: Path | None, given: dict[str, Any]) -> RandomHierarchy:
    """The language in the file `grammar`, or one drawn with what is `given`, the rest by default."""
    from syntagma.languages.hierarchy import RandomHierarchy

    if grammar is None:
        seed = whole_number("grammar-seed", given.pop("grammar-seed", 0), minimum=0)
        return RandomHierarchy(**{"vocab": 8, "rules": 4, "branching": 2, "depth": 3, **given}, seed=seed)
    for name, value in given.items():
        raise invalid(name, value, f"the grammar in {grammar} fixes it", "Leave out one of the two")
    return RandomHierarchy.load(grammar)
