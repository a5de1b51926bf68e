"""The study: its grid, its analysis of curves whose thresholds are known, its verdicts, and a small run of it all."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from known_results import around, curve_through
from staircases import store_staircases
from syntagma.errors import InputError
from syntagma.learners import (
    Clusterer,
    Counter,
    Engine,
    HierarchicalCNN,
    LocallyConnected,
    MultiLayerAttention,
    Training,
    Transformer,
)
from syntagma.oracles import TreeOracle
from syntagma.studies import grammar, load, machinery
from syntagma.studies.rules_grid import Entrant, RulesGrid
from syntagma.studies.scaling_laws import PRESETS
from syntagma.sweep.store import Store
from syntagma.tasks import LastToken
from syntagma.theory import counting, exact
from syntagma.theory import hierarchy as theory

STUDY = load("scaling-laws")


def small_settings(**changes: object) -> RulesGrid:
    training = Training(learning_rate=0.03, max_steps=128, batch_size=32, evaluations_per_doubling=1)
    sizes = {
        "vocab": 6,
        "rules": (2, 3),
        "depth": 3,
        "levels": 3,
        "seeds": 2,
        "learners": {
            "cnn": Entrant(learner=HierarchicalCNN(width=8), training=training),
            "lcn": Entrant(learner=LocallyConnected(width=8), training=training),
        },
        "max_examples": 2**20,
        "test_examples": 64,
    }
    return RulesGrid(**(sizes | changes))


def test_thresholds_and_exponents_of_known_staircases_are_recovered(tmp_path: Path) -> None:
    settings = small_settings(growth=1.05, max_examples=2**15)
    store_staircases(STUDY, tmp_path, settings, factor=3.0)
    with Store.open(tmp_path, read_only=True) as store:
        analysis = machinery.analyse(STUDY, store)
    found = analysis.tables["thresholds"].data
    assert len(found) == 2 * 2 * 3
    assert np.allclose(found["measured"] / found["law"], 3.0, rtol=0.05)  # sizes are a factor 1.05 apart
    assert np.allclose(found["ratio"], found["measured"] / found["predicted"])
    growth = analysis.tables["growth"].data
    assert np.allclose(growth["measured"], growth["law"], atol=0.1 / math.log(1.5))
    by_claim = {verdict.claim.text: verdict for verdict in analysis.verdicts}
    apart = by_claim["level 3, m = 3: the locally connected network needs more examples than the convolutional"]
    assert apart.outcome == "agrees"
    assert by_claim["no network's loss is below the exact oracle's"].outcome == "agrees"


def test_a_curve_that_ends_too_early_gives_a_bound_not_a_number(tmp_path: Path) -> None:
    settings = small_settings(seeds=4, growth=2**0.25)
    largest = 2**13  # between the thresholds of the two at level 3, 2,916 and 8,748
    store_staircases(STUDY, tmp_path, settings, factor=3.0, largest=largest)
    with Store.open(tmp_path, read_only=True) as store:
        analysis = machinery.analyse(STUDY, store)
    found = analysis.tables["thresholds"].data.set_index(["learner", "rules", "level"])
    missing = found.loc[("lcn", 3, 3)]
    sizes = [size for size in settings.curve_sizes(3) if size <= largest]
    assert math.isnan(missing["measured"])
    assert "4 of 4 seeds do not come to the line" in missing["note"]
    assert missing["low"] <= sizes[-1]
    assert math.isnan(missing["high"])
    assert any("are not finished" in note for note in analysis.notes)
    outcomes = {verdict.claim.text: verdict.outcome for verdict in analysis.verdicts}
    assert (
        outcomes["level 3, m = 3: the locally connected network needs more examples than the convolutional"] == "agrees"
    )


def test_a_bound_that_short_training_may_have_made_decides_nothing(tmp_path: Path) -> None:
    settings = small_settings()
    store_staircases(STUDY, tmp_path, settings, factor=3.0, largest=2**13, cut_short=True)
    with Store.open(tmp_path, read_only=True) as store:
        verdicts = {verdict.claim.text: verdict for verdict in machinery.analyse(STUDY, store).verdicts}
    found = verdicts["level 3, m = 3: the locally connected network needs more examples than the convolutional"]
    assert found.outcome == "open"
    assert "training, not data" in found.measured


def test_losses_below_the_oracle_are_said_to_disagree(tmp_path: Path) -> None:
    settings = small_settings(rules=(2,), seeds=1)
    with Store.create(tmp_path) as store:
        store_staircases(STUDY, tmp_path, settings, factor=3.0, largest=64)
        run = settings.cell(2, "cnn", next(size for size in settings.curve_sizes(2) if size > 64), 0).run
        bad = store.runs().iloc[0]
        names = ("final_test_loss", "final_train_loss", "test_loss_error", "oracle_loss", "test_accuracy", "steps")
        names += ("best_step", "stopped", "examples_seen", "flops", "seconds", "seconds_evaluating")
        result = {name: getattr(bad[name], "item", lambda name=name: bad[name])() for name in names}
        store.record_run(run.config(), result | {"test_loss": 0.1, "excess_loss": -0.2, "excess_loss_error": 0.01})
        verdict = machinery.analyse(STUDY, store).verdicts[-1]
    assert verdict.outcome == "disagrees"
    assert "-20.0 standard errors" in verdict.measured


def test_sizes_start_below_the_first_threshold_and_are_shared_by_all_curves() -> None:
    for settings in PRESETS.values():
        for m in settings.rules:
            sizes = list(settings.curve_sizes(m))
            first = theory.thresholds(settings.vocab, m, settings.branching, 1, True)[0]
            assert sizes[0] <= settings.start * first
            assert sizes[-1] <= settings.max_examples < settings.growth * sizes[-1] + 1
            assert all(size == round(settings.growth ** round(math.log(size, settings.growth))) for size in sizes)


def test_full_preset_is_planned_and_its_programs_have_the_right_shapes() -> None:
    full = PRESETS["full"]
    assert (full.vocab, full.branching, full.depth, full.seeds) == (32, 2, 4, 5)
    assert full.rules == (4, 5, 6, 7, 8)
    shape = LastToken().shape(full.language(8, 0).language())
    for contender in (full.learners[name] for name in full.learners if name not in full.readers()):
        engine = Engine(contender.learner, shape, contender.training)
        state = jax.eval_shape(engine._start, jax.random.key(0))
        batch = contender.training.batch_size
        inputs = jax.ShapeDtypeStruct((64, batch, shape.length), jnp.uint8)
        targets = jax.ShapeDtypeStruct((64, batch), jnp.uint8)
        rates, limits = (jax.ShapeDtypeStruct((size,), jnp.float32) for size in (64, 2))
        after, loss = jax.eval_shape(engine._advance, state, inputs, targets, rates, limits, 64)
        assert jax.tree.map(lambda x: (x.shape, x.dtype), after) == jax.tree.map(lambda x: (x.shape, x.dtype), state)
        assert loss.shape == ()


@pytest.mark.slow
def test_full_preset_takes_its_first_steps() -> None:
    full = PRESETS["full"]
    language = full.language(8, 0).language()
    task = LastToken()
    for name in set(full.learners) - set(full.readers()):
        run = full.cell(8, name, 128, 0).run
        training = run.training.model_copy(update={"max_epochs": None, "max_steps": 2})
        examples = task.examples(language.sample(0, 128), language, 0)
        fit = Engine(run.learner, task.shape(language), training).fit([examples], [examples], [examples], [0])[0]
        assert fit.metrics["steps"] == 2
        assert math.isfinite(fit.metrics["test_loss"])


def test_a_small_run_resumes_without_doing_anything_twice(tmp_path: Path) -> None:
    settings = small_settings(rules=(2,), max_examples=64, seeds=1)
    lines: list[tuple[str, float]] = []
    with Store.create(tmp_path) as store:
        store.record_command(STUDY.name, "quick", settings.model_dump(mode="json"), ["syntagma"])
        machinery.run(STUDY, settings, store, 1, lambda text, share: lines.append((text, share)))
        done = store.ids()
        machinery.run(STUDY, settings, store, 1, lambda text, share: pytest.fail(f"did {text} again"))
        assert store.ids() == done
        analysis = machinery.analyse(STUDY, store)
    runs = analysis.tables["runs"].data
    assert len(done) == len(runs) == 2 * len(list(settings.curve_sizes(2)))
    shares = [share for _, share in lines]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < shares[-1] <= 1
    assert (runs["test_loss"] > 0).all()
    assert {"learning-curves", "thresholds", "measured-against-predicted"} == {f.name for f in analysis.figures}


def test_predictions_are_the_laws_and_the_oracles_plateaus() -> None:
    settings = small_settings()
    tables = machinery.predict(STUDY, settings)
    known = tables["predictions"].data.set_index(["regime", "rules", "law", "level"])["num_examples"]
    assert known["asymptotic law", 3, "weight sharing", 3] == pytest.approx(6 * 3**4 / 0.5)
    assert known["asymptotic law", 3, "no weight sharing", 3] == pytest.approx(6 * 3**5 / 0.5)
    grammars = [settings.language(3, seed).language() for seed in (0, 1)]
    for law, kind in (("weight sharing", "tuples"), ("no weight sharing", "tokens")):
        sizes = [known["exact for this grammar", 3, law, level] for level in (1, 2, 3)]
        assert sizes == pytest.approx(exact.mean_thresholds(grammars, kind))
    plateaus = tables["plateaus"].data.set_index(["rules", "level"])["loss_nats"]
    oracles = [[e.value for e in TreeOracle(settings.language(3, seed).language()).plateaus()] for seed in (0, 1)]
    assert [plateaus[3, level] for level in range(4)] == pytest.approx(np.mean(oracles, axis=0))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"rules": (7,)}, "rules=7"),
        ({"rules": (3, 6)}, "rules=6 cannot be used: every tuple is then a rule"),
        ({"levels": 4}, "levels=4"),
        (
            {"learners": {"cnn": Entrant(learner=HierarchicalCNN(width=8), training=Training())}, "branching": 1},
            "branch",
        ),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        small_settings(**changes)


def test_results_of_no_command_are_refused_in_one_line(tmp_path: Path) -> None:
    with Store.create(tmp_path) as store, pytest.raises(InputError, match="holds no results of scaling-laws"):
        machinery.analyse(STUDY, store)


@pytest.mark.parametrize(("times", "outcome"), [(1.0, "agrees"), (10.0, "disagrees")])
def test_readers_stand_beside_networks_on_the_grammars_that_both_have(
    tmp_path: Path, times: float, outcome: str
) -> None:
    network = Training(learning_rate=0.03, max_steps=8)
    settings = small_settings(
        rules=(3,),
        seeds=3,
        growth=2**0.5,
        learners={
            "cnn": Entrant(learner=HierarchicalCNN(width=8), training=network),
            "attention": Entrant(learner=MultiLayerAttention(width=8, heads=2, layers=2), training=network, seeds=2),
            "transformer": Entrant(learner=Transformer(width=8, heads=2, layers=1), training=network),
            "counter": Entrant(learner=Counter()),
            "clusterer": Entrant(learner=Clusterer()),
        },
    )
    sharing, factors = {"clusterer": True}, {"attention": 3.0 * times}
    store_staircases(
        STUDY, tmp_path, settings, factor=3.0, sharing=sharing, factors=factors, exactly={"counter": Counter()}
    )
    with Store.open(tmp_path, read_only=True) as store:
        analysis = machinery.analyse(STUDY, store)
    runs = analysis.tables["runs"].data
    assert set(runs[runs["learner"] == "attention"]["seed"]) == {0, 1}
    found = analysis.tables["thresholds"].data.set_index(["learner", "level"])["predicted"]
    languages = [settings.language(3, seed).language() for seed in range(3)]
    assert found["clusterer", 3] == pytest.approx(exact.mean_thresholds(languages, "tuples")[2])
    assert found["attention", 3] == pytest.approx(exact.mean_thresholds(languages[:2], "tokens")[2])
    by_counting = np.exp(np.mean([np.log(counting.thresholds(language)) for language in languages], axis=0))
    assert found["counter", 2] == pytest.approx(by_counting[1])
    verdicts = {verdict.claim.text: verdict for verdict in analysis.verdicts}
    over = "level 3, m = 3: examples the {} needs over those of the {}"
    assert verdicts[over.format("convolutional network", "counter") + ": fewer"].outcome == "agrees"
    assert verdicts[over.format("attention-only network", "counter") + ": fewer"].outcome == outcome
    assert verdicts[over.format("transformer network", "counter")].outcome == "finding"  # theory says nothing of it
    assert verdicts[over.format("convolutional network", "clusterer")].outcome == "finding"
    assert "the counter learns one level after the other" in verdicts
    beside = verdicts["level 3, m = 3: examples the attention-only network needs over those of the convolutional"]
    both = [exact.mean_thresholds(languages[:2], kind)[2] for kind in ("tokens", "tuples")]
    assert beside.claim.number == pytest.approx(both[0] / both[1])  # on the two grammars that both have


def test_learners_of_one_kind_are_told_apart_by_their_names() -> None:
    entrants = {"near": Entrant(learner=Clusterer(statistic="neighbour")), "far": Entrant(learner=Clusterer())}
    settings = small_settings(learners=entrants | {"counter": Entrant(learner=Counter())})
    assert [settings.label(name) for name in settings.learners] == ["clusterer (near)", "clusterer (far)", "counter"]


def test_a_title_rests_on_no_training_that_was_cut_short():
    first, second = (
        curve_through([around(size, seed) for seed, size in enumerate(at)]) for at in ((30, 300), (60, 900))
    )
    curves = {("a", 2): first, ("b", 2): second, ("a", 3): first, ("b", 3): second}
    said = "At level 2 and m = {}, the b network needs 3"
    assert grammar.who_needs_most(curves, 2, lambda name: f"the {name} network").startswith(said.format(3))
    cut = replace(second.curve, cut_short=np.ones(second.curve.losses.shape, bool))
    curves["b", 3] = replace(second, curve=cut)
    assert grammar.who_needs_most(curves, 2, lambda name: f"the {name} network").startswith(said.format(2))
