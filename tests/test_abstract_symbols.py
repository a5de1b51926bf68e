"""The study of symbols never seen: settings, analysis of known results, figures, and a small run of it all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from known_results import is_drawn, record_command
from syntagma.cli.settings import settings_for
from syntagma.errors import InputError
from syntagma.kernels.presets import template_transformer
from syntagma.languages.templates import Templates, family
from syntagma.languages.templates.baselines import chance, without_comparing
from syntagma.learners import KernelRegression, Perceptron, Training, Transformer
from syntagma.plot import Line
from syntagma.report import page_html
from syntagma.studies import Facts, Results, load, machinery
from syntagma.studies.abstract_symbols import PRESETS, AbstractSymbols
from syntagma.studies.abstract_symbols.cells import cells
from syntagma.studies.abstract_symbols.contenders import Contender
from syntagma.studies.abstract_symbols.experiments import (
    Ablations,
    Copying,
    Diversity,
    Grid,
    Inside,
    LanguageModel,
    RandomSets,
    WordModel,
)
from syntagma.studies.abstract_symbols.predictions import certificates, certificates_rows, forecast
from syntagma.studies.machinery import Analysis
from syntagma.sweep.store import Store
from syntagma.tasks import Label, Shape

STUDY = load("abstract-symbols")
TRAINING = Training(learning_rate=0.03, max_steps=4, batch_size=16, evaluations_per_doubling=1)
TINY = Transformer(width=8, heads=2, head_size=4, layers=1, attention="full", read_out="class-token")


def small_settings(**changes: Any) -> AbstractSymbols:
    told = TINY.model_copy(update={"score_identity": 1.0, "answer_identity": 1.0})
    kernel = KernelRegression(architecture=template_transformer(1, 4.0, 1.0), samples=2**10, by_pattern=True)
    sizes = {
        "families": {"same-different": family("same-different", train_symbols=16, test_symbols=16)},
        "learners": {
            "transformer": Contender(label="transformer", learner=TINY, training=TRAINING),
            "transformer-identities": Contender(label="transformer with a, b", learner=told, training=TRAINING),
            "perceptron": Contender(label="perceptron", learner=Perceptron(width=8, layers=2), training=TRAINING),
            "kernel": Contender(label="transformer kernel", learner=kernel, training=None),
        },
        "sizes": (16, 64, 256, 1024),
        "seeds": 3,
        "test_examples": 32,
        "kernel": template_transformer(1, 4.0, 1.0),
        "samples": 2**10,
    }
    return AbstractSymbols(**(sizes | changes))


def everything(**changes: Any) -> AbstractSymbols:
    copying = Copying(language=family("copying"), widths=(8, 16), num_examples=32, learner=TINY, training=TRAINING)
    diversity = Diversity(substitutions=(2, 8), num_examples=64)
    return small_settings(**({"copying": copying, "diversity": diversity} | changes))


def further(*families: str) -> dict[str, Any]:
    """The further experiments, as small as they can be."""
    told = TINY.model_copy(update={"trained": "readout"})
    alone = Contender(label="read-out alone", learner=told, training=TRAINING)
    return {
        "ablations": Ablations(learners={"transformer-readout": alone}, families=families),
        "random_sets": RandomSets(counts=(2, 4), draws=2, learners=("transformer", "kernel"), sizes=(16, 64)),
        "grid": Grid(family=families[0], num_examples=16, rates=(0.01, 0.1), layers=(1,), heads=(1, 2), widths=(8,)),
        "inside": Inside(families=families, num_examples=16, seeds=2),
    }


ACCURACY = {
    "transformer": {16: 0.5, 64: 0.5, 256: 0.7, 1024: 0.8},
    "transformer-identities": {16: 0.7, 64: 0.8, 256: 1.0, 1024: 1.0},
    "perceptron": dict.fromkeys((16, 64, 256, 1024), 0.5),
    "kernel": {16: 0.6, 64: 0.9, 256: 1.0, 1024: 1.0},
}


def facts_of(settings: AbstractSymbols) -> Facts:
    """All facts, computed as the study says."""
    return Facts((fact.key, dict(fact.compute())) for fact in STUDY.facts(settings, Results()))


def store_results(directory: Path, settings: AbstractSymbols, *, skip: tuple[str, ...] = ()) -> Analysis:
    """Results as if accuracies were those of `ACCURACY`, give or take a hundredth from seed to seed."""
    with Store.create(directory) as store:
        record_command(store, STUDY, settings)
        for fact in STUDY.facts(settings, Results()):
            store.record_fact(STUDY.name, fact.key, fact.compute())
        for cell in cells(settings):
            names = cell.names
            if names["part"] in skip:
                continue
            if names["part"] == "strings":
                right = ACCURACY[names["learner"]][names["num_examples"]]
            elif names["part"] == "grid":
                right = 0.9 if names["rate"] == 0.1 else 0.6
            elif names["part"] == "random":
                right = 0.6 + 0.2 * (names["num_examples"] >= 16 * names["templates"])
            elif names["part"] == "substitutions":
                right = 0.5 + 0.05 * names["substitutions"]
            else:
                right = 0.95 if names.get("identity") else 1 - names.get("width", 0) / 20
            right -= 0.01 * names["seed"]
            loss = 4 * (1 - right) ** 2
            result = {"unseen_accuracy": right, "unseen_loss": loss, "test_loss": loss, "test_accuracy": 0.99}
            store.record_run(cell.run.config(), result | {"seconds": 1.0, "flops": 1.0, "steps": 4})
        return machinery.analyse(STUDY, store)


@pytest.fixture(scope="module")
def analysis(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    return store_results(tmp_path_factory.mktemp("known"), everything())


def test_known_curves_give_known_thresholds_and_verdicts(analysis: Analysis) -> None:
    needed = analysis.tables["needed"].data.set_index("learner")
    # half-way is 0.75: seeds come to it at 0.5, 0.6 and 0.7 of the way between 256 (0.69) and 1024 (0.79) in ln P
    assert needed.loc["transformer", "measured"] == pytest.approx(256 * 4**0.6)
    half = 4.3027 * 0.1 * np.log(4) / 3**0.5  # t(0.975, 2) s / sqrt(3)
    assert needed.loc["transformer", "high"] == pytest.approx(256 * 4**0.6 * np.exp(half), rel=1e-4)
    assert needed.loc["transformer-identities", "measured"] == pytest.approx(16 * 4**0.6)
    assert needed.loc["perceptron", "note"] == "3 of 3 seeds do not come to the line at the sizes measured"
    assert needed.loc["perceptron", "low"] < 1024
    assert np.isnan(needed.loc["perceptron", "measured"])
    by_claim = {verdict.claim.text: verdict for verdict in analysis.verdicts}
    task = "same-different: the "
    assert by_claim[task + "transformer with a, b answers strings of symbols never seen"].outcome == "agrees"
    assert by_claim[task + "perceptron answers strings of symbols never seen"].outcome == "agrees"
    assert by_claim[task + "perceptron answers strings of symbols never seen"].claim.predicted == "does not"
    saved = by_claim[task + "transformer needs more strings without a, b than with them"]
    assert saved.outcome == "agrees"
    assert saved.claim.measured.value == pytest.approx(16)
    gain = by_claim[task + "transformer gains accuracy on unseen symbols from 8 instead of 2 substitutions a template"]
    assert (gain.outcome, gain.measured) == ("agrees", "0.3 [0.3, 0.3]")
    fall = by_claim["copying without b: accuracy on unseen symbols falls from width 8 to 16"]
    assert (fall.outcome, fall.measured) == ("agrees", "0.4 [0.4, 0.4]")
    assert by_claim["copying at width 16: accuracy on unseen symbols is larger with b than without"].outcome == "agrees"
    text = by_claim["characters of a text: the decoder's loss is lower with a, b than without, at equal compute"]
    assert (text.outcome, text.measured) == ("open", "not measured: no text was given: add --set text=FILE")


def test_a_learner_that_contradicts_its_certificate_is_said_to_disagree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ACCURACY, "perceptron", dict.fromkeys((16, 64, 256, 1024), 1.0))
    monkeypatch.setitem(ACCURACY, "transformer", dict.fromkeys((16, 64, 256, 1024), 0.5))
    found = {v.claim.text: v.outcome for v in store_results(tmp_path, small_settings()).verdicts}
    task = "same-different: the "
    assert found[task + "perceptron answers strings of symbols never seen"] == "disagrees"
    assert found[task + "transformer answers strings of symbols never seen"] == "disagrees"
    assert found[task + "transformer needs more strings without a, b than with them"] == "agrees"  # a bound suffices


def test_one_seed_decides_nothing(tmp_path: Path) -> None:
    found = store_results(tmp_path, everything(seeds=1)).verdicts
    of_runs = [verdict for verdict in found if verdict.claim.measured.num_seeds < 2**31]  # others are counts
    assert len(of_runs) >= len(found) - 1
    assert {verdict.outcome for verdict in of_runs} <= {"open", "finding"}


@pytest.mark.parametrize("skip", [(), ("copying", "substitutions"), ("strings", "copying")])
def test_figures_and_page_draw_whatever_is_stored(tmp_path: Path, skip: tuple[str, ...]) -> None:
    families = {name: family(name, train_symbols=16, test_symbols=16) for name in ("same-different", "majority")}
    found = store_results(tmp_path, everything(families=families), skip=skip)
    assert set(found.tables["kernels"].data["family"]) == {"same-different"}
    assert [figure.name for figure in found.figures] == [
        "unseen-symbols", "theory-and-networks", "data-saved", "substitutions", "copying", "language-model",
    ]  # fmt: skip
    for figure in found.figures:
        assert is_drawn(figure), figure.name
    if "strings" in skip:
        assert found.tables["needed"].data["note"].tolist()[0] == "not trained yet"
        assert any("are not finished" in note for note in found.notes)
    assert "same-different" in page_html(found)


def test_interactive_figure_holds_the_measured_numbers(analysis: Analysis) -> None:
    main = analysis.figures[0]
    own = [mark for mark in main.panels[0].marks if isinstance(mark, Line) and mark.label == "transformer"]
    assert [list(line.x) for line in own] == [[16, 64, 256, 1024]]
    assert np.allclose(own[0].y, [0.49, 0.49, 0.69, 0.79])
    drawn = [t for t in main.plotly().data if t.y is not None and len(t.y) == 4 and np.allclose(t.y, own[0].y)]
    assert len(drawn) == 1


def test_certificates_are_tested_from_the_strings_on_that_they_ask_for(tmp_path: Path) -> None:
    """relational-match: N is not singular, and its slowest direction takes more strings than the sizes have."""
    families = {"relational-match": family("relational-match", train_symbols=16, test_symbols=16)}
    found = store_results(tmp_path, everything(families=families, diversity=None, copying=None, samples=2**12))
    ranks = found.tables["ranks"].data.iloc[0]
    assert (ranks["rank"], ranks["rate"]) == ("not singular", "beta^10")
    by_claim = {verdict.claim.text: verdict for verdict in found.verdicts}
    own = by_claim["relational-match: the transformer answers strings of symbols never seen"]
    assert own.outcome == "finding"
    assert own.claim.predicted.startswith("generalises, from ")
    assert own.claim.predicted.endswith(" strings on: not tested at this size")
    assert by_claim["relational-match: the perceptron answers strings of symbols never seen"].outcome == "agrees"


def test_what_cannot_name_an_unseen_symbol_is_neither_trained_nor_counted(tmp_path: Path) -> None:
    families = {"majority": family("majority", length=3, train_symbols=16, test_symbols=16)}
    settings = everything(families=families, **further("majority"), sizes=(16,))
    assert settings.known("majority") == ("transformer", "transformer-identities")
    assert {c.names["learner"] for c in cells(settings) if c.names.get("family") == "majority"} == {
        "transformer", "transformer-identities",
    }  # fmt: skip
    facts = facts_of(settings)
    rows = {row["learner"]: row for row in certificates_rows(settings, certificates(settings, facts))}
    assert rows["perceptron"]["predicted"] == "does not"
    assert not rows["perceptron"]["counted"]
    assert rows["perceptron"]["reason"].endswith("not trained, not counted")
    found = store_results(tmp_path, settings)
    assert not [verdict for verdict in found.verdicts if "perceptron" in verdict.claim.text]


def test_further_experiments_are_analysed_and_drawn(tmp_path: Path) -> None:
    settings = everything(**further("same-different"))
    found = store_results(tmp_path, settings)
    for figure in found.figures:
        assert is_drawn(figure), figure.name
    grid = found.tables["grid"].data
    assert len(grid) == 4
    assert grid.loc[grid["rate"] == 0.1, "unseen_accuracy"].mean() == pytest.approx(0.9 - 0.005)
    best = next(v for v in found.verdicts if "where the loss on seen ones is least" in v.claim.text)
    assert best.claim.measured.value == pytest.approx(0.895)
    random = found.tables["random"].data.set_index(["templates", "learner"])
    # half-way is 3/4: seeds come to it at 0.75 and 0.8 of the way between 16 (0.6) and 64 (0.8) in ln P
    assert random.loc[(4, "transformer"), "measured"] == pytest.approx(16 * 4**0.775)
    assert random["predicted"].to_numpy().min() > 0


def test_half_way_lines_lie_above_what_compares_no_symbols() -> None:
    assert without_comparing(family("majority")) == 11 / 16
    assert without_comparing(family("distribution-of-three")) == pytest.approx(1 / 3)
    assert without_comparing(family("same-different")) == 0.5
    told = Templates(templates=("aα -> 1", "bα -> -1"), wildcards=("α",))
    assert without_comparing(told) == 1.0  # the regular token tells
    for name in ("majority", "distribution-of-three", "associative-recall", "identity-rules"):
        templates = family(name, test_symbols=64).unseen()
        sample = templates.sample(0, 20_000, hidden=True)
        answers = np.asarray(Label().examples(sample, templates, 0).targets)
        copied = [(sample.tokens[:, i] == answers).mean() for i in range(templates.sentence_length)]
        assert max(copied) == pytest.approx(without_comparing(templates), abs=0.015), name


def test_chance_is_the_best_answer_that_ignores_the_string() -> None:
    assert chance(family("same-different")) == 0.5
    assert chance(Templates(templates=("αα -> 1", "αβ -> -1"), probabilities=(0.3, 0.7))) == 0.7
    assert chance(family("copying", test_symbols=8)) == 1 / 8
    assert chance(Templates(templates=("αa -> a", "αb -> α"), wildcards=("α",))) == 0.5


def test_forecasts_for_symbols_follow_the_read_out() -> None:
    settings = small_settings(families={"copying": family("copying")})
    found, templates = certificates(settings, facts_of(settings)), settings.families["copying"]
    said = {name: forecast(settings.learner(name, templates), templates, found.get(("copying", name))).outcome
            for name in settings.learners if name != "kernel"}  # fmt: skip
    assert said == {"transformer": "open", "transformer-identities": "generalises", "perceptron": "does not"}


def test_own_templates_are_kept_in_the_settings_not_their_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('templates = ["αβα -> 1", "αββ -> -1"]\ntrain_symbols = 32\n', encoding="utf-8")
    settings = settings_for(STUDY, "quick", [f"templates={file}", "sizes=[16]"])
    assert isinstance(settings, AbstractSymbols)
    file.unlink()
    again = AbstractSymbols.model_validate(settings.model_dump(mode="json"))
    assert again == settings
    assert list(again.families) == ["mine"]
    assert again.families["mine"].train_symbols == 32
    assert again.copying is None
    rows = tmp_path / "mine.csv"
    rows.write_text("string,label\n(ab,1\n(cc,-1\n(de,1\n", encoding="utf-8")
    settings = settings_for(STUDY, "quick", [f"templates={rows}", "regular=("])
    assert isinstance(settings, AbstractSymbols)
    assert settings.families["mine"].templates == ("( α β -> 1.0", "( α α -> -1.0")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("templates=nowhere.toml", "nowhere.toml: the file cannot be read: No such file or directory."),
        ("text=nowhere.txt", "text='nowhere.txt' cannot be used: it cannot be read, no such file or directory. Give"),
        ("regular=(", "regular='(' cannot be used: it is for a CSV file. Give templates=FILE.csv with it."),
        ("sizes=[0, 4]", "sizes=(0, 4) cannot be used: at least one string is trained on."),
        ("families.same-different.train_symbols=1", "wildcard number 2 finds no symbol left of the 1 of train_symbols"),
        ('diversity.learners=["gru"]', "diversity.learners='gru' is unknown: there are"),
    ],
)
def test_bad_settings_are_refused_in_one_line(change: str, message: str) -> None:
    with pytest.raises((InputError, ValidationError)) as error:
        settings_for(STUDY, "quick", [change])
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_presets_are_planned_and_every_learner_fits_its_task() -> None:
    for settings in PRESETS.values():
        planned = list(cells(settings))
        rest = [
            cell.run.id() for cell in planned if cell.names["part"] != "grid"
        ]  # a point of which may be the preset's
        assert len(set(rest)) == len(rest)
        parts = {"strings", "substitutions", "copying", "ablations", "inside"}
        assert {cell.names["part"] for cell in planned} - {"random", "grid"} == parts
        for cell in planned:
            assert set(cell.run.tests) <= {"seen", "unseen"}
            unseen = cell.run.tests["unseen"]
            assert isinstance(unseen, Templates)
            assert isinstance(cell.run.language, Templates)
            assert not set(unseen.symbols) & set(cell.run.language.symbols)
            assert cell.run.training is None or cell.run.training.patience >= 1e6  # only its own loss ends training


def test_the_language_models_are_compared_at_equal_compute() -> None:
    model = PRESETS["laptop"].language_model
    assert model is not None
    shape = Shape(65, model.length, 65, "every")
    costs = [learner.forward_flops(shape) * training.max_steps for _, learner, training in model.contenders(65)]
    plain, repaired = (training.max_steps for _, _, training in model.contenders(65))
    assert repaired < plain
    assert costs[1] == pytest.approx(costs[0], rel=0.5 / repaired)


def test_every_activation_has_a_certificate() -> None:
    settings = everything(samples=2**10)
    facts = facts_of(settings)
    found = {table.name: table.data for table in STUDY.predictions(settings, facts)}["activations"]
    assert set(found["activation"]) == {"relu", "erf", "cos"}
    own = found[(found["family"] == "same-different") & (found["activation"] == "relu")].iloc[0]
    certified = certificates(settings, facts)["same-different", "transformer"]
    assert own["smallest"] == certified.smallest.value
    assert set(found[found["family"] == "copying"]["predicted"]) <= {"told apart", "open"}


def test_a_small_run_of_everything_resumes_and_reports(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("the cat sat on the mat. " * 40, encoding="utf-8")
    decoder = Transformer(width=8, heads=2, layers=1)
    model = LanguageModel(length=8, num_examples=64, test_examples=16, seeds=2, learner=decoder, training=TRAINING)
    settings = everything(sizes=(16,), seeds=2, language_model=model, text=str(text))
    assert settings.text is not None
    assert settings.text.sentence_length == 8
    with pytest.raises(InputError, match=r"^text\.validation_share=0\.0 cannot be used: training stops"):
        everything(language_model=model, text=settings.text.model_copy(update={"validation_share": 0.0}))
    with Store.create(tmp_path / "out") as store:
        record_command(store, STUDY, settings)
        machinery.run(STUDY, settings, store, 1, lambda text, share: None)
        assert len(store.ids()) == len(list(cells(settings)))
        machinery.run(STUDY, settings, store, 1, lambda text, share: pytest.fail(text))
        text.unlink()
        found = machinery.analyse(STUDY, store)  # from stored results alone
    runs = found.tables["runs"].data
    losses = runs.loc[runs["part"] == "text", "test_loss"].to_numpy(float)
    assert len(losses) == 4
    assert np.isfinite(np.exp(losses)).all()
    assert "seen" in {name for cell in cells(settings) for name in cell.run.tests}


@pytest.mark.slow
def test_kept_networks_are_looked_into(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("the cat sat on the mat. " * 40, encoding="utf-8")
    decoder = Transformer(width=8, heads=2, layers=1)
    model = LanguageModel(length=8, num_examples=64, test_examples=16, seeds=2, learner=decoder, training=TRAINING)
    inside = Inside(families=("same-different",), num_examples=16, seeds=2)
    settings = small_settings(
        learners={"transformer": Contender(label="transformer", learner=TINY, training=TRAINING)}, sizes=(16,), seeds=1,
        language_model=model, word_model=WordModel(**model.model_dump(), vocab=16), text=str(text), inside=inside,
    )  # fmt: skip
    assert settings.words is not None
    assert settings.words.vocab == 6
    with Store.create(tmp_path / "out") as store:
        record_command(store, STUDY, settings)
        machinery.run(STUDY, settings, store, 1, lambda text, share: None)
        found = machinery.analyse(STUDY, store)
    runs = found.tables["runs"].data
    heads = found.tables["heads"].data
    assert set(heads["map"]) == {"W_K^T W_Q", "W_O W_V"}
    assert heads["measured"].between(0, 1).all()
    by_word = found.tables["words"].data
    assert list(by_word["band"]) == ["beyond 0"]
    total: Any = runs[runs["part"] == "words"].groupby("identity")["test_loss"].mean()
    assert by_word["plain"].iloc[0] == pytest.approx(total[False], rel=1e-4)
    shown = next(figure for figure in found.figures if figure.name == "heads")
    assert len(shown.panels) == 4
