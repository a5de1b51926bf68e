"""The commands for models and programs from outside: sentences go out, log-probabilities come in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from syntagma.cli.options import AsJson, With, import_files, number
from syntagma.errors import InputError, invalid, unknown, whole_number

if TYPE_CHECKING:
    import numpy as np

    from syntagma.tasks import Task

_SHARES = "train=0.8,validation=0.1,test=0.1"


def export(
    language: Annotated[str, typer.Argument(help="Its kind, as `syntagma list` names it.", metavar="LANGUAGE")],
    to: Annotated[str, typer.Option(help="A folder that is not there yet.", metavar="DIR")],
    examples: Annotated[str | None, number("Sentences of all splits together.")] = None,
    splits: Annotated[str, typer.Option(help="Shares of them, or numbers of sentences.", metavar="NAME=NUMBER,...")] = (
        _SHARES
    ),
    format_: Annotated[
        str, typer.Option("--format", help="npy, parquet, hf (datasets.load_dataset) or bin (uint16).", metavar="NAME")
    ] = "npy",
    seed: Annotated[str, number("Which sentences: those of runs with this seed.")] = "0",
    grammar_seed: Annotated[str | None, number("Which grammar of these sizes. (default 0)")] = None,
    set_: Annotated[
        list[str],
        typer.Option("--set", help="Change one setting: language.vocab=16; repeat for more.", metavar="KEY=VALUE"),
    ] = [],  # noqa: B006
    labels: Annotated[bool, typer.Option("--labels", help="With each sentence's label, or class of the root.")] = False,
) -> None:
    """Write train, validation and test sentences of one language as files, with what is exactly known of them."""
    from syntagma.cli.paths import directory_to_write
    from syntagma.cli.progress import waiting
    from syntagma.cli.settings import read_value
    from syntagma.cli.single import language_settings
    from syntagma.datasets import FORMATS, split_sizes
    from syntagma.datasets import export as write

    number = None if examples is None else whole_number("examples", read_value(examples))
    sizes = split_sizes(splits, number)
    if format_ not in FORMATS:
        raise unknown("format", format_, FORMATS)
    which = whole_number("seed", read_value(seed), minimum=0)
    grammar = None if grammar_seed is None else whole_number("grammar-seed", read_value(grammar_seed), minimum=0)
    settings = language_settings(language, set_, grammar)
    place = directory_to_write("to", to)
    with waiting(f"exporting {sum(sizes.values()):,} sentences"):
        metadata = write(
            settings, place, **{**dict.fromkeys(("train", "validation", "test"), 0), **sizes}, format=format_,
            seed=which, labels=labels,
        )  # fmt: skip
    for split, one in metadata["splits"].items():
        also = one.get("sentences_also_in_train")
        note = f", {also:,} of them in train too" if also else ""
        print(f"{split:<11} {one['sentences']:>10,} sentences  {place / one['files'][0]}{note}")
    print(f"{'metadata':<32}  {place / 'metadata.json'}")


def score(
    directory: Annotated[str, typer.Argument(help="A folder that `syntagma export` wrote.", metavar="DIR")],
    file: Annotated[
        str, typer.Argument(help="Log-probabilities, .npy: a row for each sentence of the split.", metavar="FILE")
    ],
    task: Annotated[str, typer.Option(help="last-token, next-token or root-class.", metavar="KIND")] = "last-token",
    split: Annotated[str, typer.Option(help="Whose sentences: test, validation or train.", metavar="NAME")] = "test",
    context: Annotated[str | None, number("Previous tokens that the model sees. (default: all)")] = None,
    examples: Annotated[str | None, number("Sentences that the model was trained on, for --reader.")] = None,
    reader: Annotated[
        list[str], typer.Option(help="Also the distance to this learner, as counter; repeat.", metavar="KIND")
    ] = [],  # noqa: B006
    with_: With = [],  # noqa: B006
    as_json: AsJson = False,
) -> None:
    """Compare a model of any program with the exact oracle, by a file of its log-probabilities."""
    from syntagma.cli import display
    from syntagma.cli.paths import to_read
    from syntagma.cli.settings import read_value
    from syntagma.datasets import open_export
    from syntagma.learners import LEARNERS
    from syntagma.scoring import score_array

    import_files(with_)
    opened = open_export(to_read("DIR", directory))
    if split not in opened.sizes:
        raise unknown("split", split, opened.sizes)
    asked = _task(task)
    size = None if examples is None else whole_number("examples", read_value(examples))
    sees = None if context is None else whole_number("context", read_value(context), minimum=0)
    readers = {kind: LEARNERS.named(kind).model_validate({}) for kind in reader}
    array = _mapped(to_read("FILE", file))
    if len(array) > opened.sizes[split]:
        allowed = f"{split} has {opened.sizes[split]:,} sentences, and each has one row"
        raise invalid("FILE.shape", array.shape, allowed, "Give the file of this split")
    found = score_array(
        opened.language, asked, array, split=split, context=sees, num_examples=size, seed=opened.seed,  # pyright: ignore
        readers=readers, name=Path(file).stem, field="FILE",
    )  # fmt: skip
    if as_json:
        display.print_json({name: display.records(table) for name, table in found.tables().items()})
    else:
        display.print_tables(found.tables())


def _task(kind: str) -> Task:
    from syntagma.tasks import LastToken, NextToken, RootClass

    tasks: dict[str, Task] = {"last-token": LastToken(), "next-token": NextToken(), "root-class": RootClass()}
    if kind not in tasks:
        raise unknown("task", kind, tasks)
    return tasks[kind]


def _mapped(path: Path) -> np.ndarray:
    """The array in an .npy file, mapped into memory."""
    import numpy as np

    from syntagma.regular_file import open_regular, shown

    with open_regular(path, mend="Give an .npy file") as beginning:  # refuses pipes and devices by what they are
        if not beginning.read(6).startswith((b"\x93NUMPY", b"PK")):
            raise InputError(f"{shown(path)} is no .npy file: save the array with numpy.save.")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        line = " ".join(str(error).split())
        raise InputError(f"{shown(path)} is no .npy file of numbers, {line}: save it with numpy.save.") from None
    if not isinstance(array, np.ndarray) or array.ndim < 2 or array.dtype.kind != "f":
        given = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else "an archive"
        raise invalid("FILE", given, "it is an array [n, v] or [n, T, v] of floating-point numbers")
    return array
