"""What the commands that write a page share: which study is stored, the page, its figures, what came out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syntagma.errors import InputError, invalid

if TYPE_CHECKING:
    from syntagma.sweep.store import Store


def stored_study(store: Store, asked: str | None) -> str:
    """The study whose results are in `store`: the one asked for, or the only one."""
    stored = [name for name in store.studies() if name != "fit"]
    if asked in (None, "fit") and not stored and store.studies():
        raise InputError(
            f"{store.path} holds runs of `syntagma fit`, of which there is no page: see `syntagma results`."
        )
    if asked is not None and asked.endswith(".py"):
        return asked
    if asked is not None and asked not in stored:
        raise invalid("study", asked, f"{store.path} holds {', '.join(stored) or 'no runs'}")
    if asked is None and len(stored) != 1:
        held = f"the studies {', '.join(stored)}; choose one with --study" if stored else "no finished runs yet"
        raise InputError(f"{store.path} holds {held}.")
    return asked or stored[0]


def write_report(
    study: Any, store: Store, directory: Path, formats: Sequence[str] = ("png", "pdf"), width: float = 6.8,
    *, title: bool = True,
) -> None:  # fmt: skip
    """Analyse, draw, and say what came out and where it is."""
    from syntagma.cli import display
    from syntagma.cli.progress import waiting
    from syntagma.report import save_figures, write_markdown, write_page
    from syntagma.studies import machinery
    from syntagma.sweep.atomic_file import remove_abandoned

    page = directory / "page.html"
    with waiting(f"writing the report of {study.name}"):
        analysis = machinery.analyse(study, store)
        make_parent(page)
        remove_abandoned(directory)
        figures = save_figures(analysis.figures, directory / "figures", formats, width, title=title)
        write_page(analysis, page)
        text = write_markdown(analysis, directory / "claims.md", next((f for f in ("png", "svg") if f in formats), ""))
    display.print_verdicts(analysis.verdicts)
    for note in analysis.notes:
        display.console(stderr=True).print(f"note    {note}", markup=False, soft_wrap=True)
    print(f"page    {page}")
    print(f"text    {text}")
    for figure in figures:
        print(f"figure  {figure}")


def write_comparison(
    directories: Sequence[str], to: str | None, study: str | None, formats: Sequence[str], width: float, *, title: bool
) -> None:
    """Write the page and figures of several results beside each other, into a directory beside the first."""
    from syntagma.cli.paths import directory_to_write, to_read
    from syntagma.cli.progress import waiting
    from syntagma.report import save_figures
    from syntagma.report.compare import compared_figures, comparison_html, names_of
    from syntagma.report.page import write_html
    from syntagma.studies import load, machinery
    from syntagma.sweep.store import Store

    sources = [to_read("DIR", one) for one in directories]
    names = names_of([one.parent if one.suffix == ".sqlite" else one for one in sources])
    place = Path(directories[0]).parent / "-and-".join(one.replace("/", "-") for one in names)
    place = place if to is None else directory_to_write("to", to)
    analyses = {}
    with waiting(f"comparing {', '.join(names)}"):
        for name, source in zip(names, sources, strict=True):
            with Store.open(source, read_only=True) as store:
                analyses[name] = machinery.analyse(load(stored_study(store, study)), store)
        text = comparison_html(analyses)
        make_parent(place / "page.html")
        drawn = compared_figures(names, [one.figures for one in analyses.values()])
        figures = save_figures(drawn, place / "figures", formats, width, title=title)
        write_html(text, place / "page.html")
    print(f"page    {place / 'page.html'}")
    for figure in figures:
        print(f"figure  {figure}")


def make_parent(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"{path.parent} cannot be made, {(error.strerror or str(error)).lower()}"
        raise invalid("out", str(path), reason, "Choose another directory") from error
