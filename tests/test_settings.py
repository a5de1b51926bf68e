"""Settings as TOML: every one with its meaning, taken back as it was printed, and in part laid over a preset."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from syntagma.checked_model import CheckedModel
from syntagma.cli import configuration, main
from syntagma.cli.keys import MEANT, nearest
from syntagma.cli.meanings import NOTHING, described
from syntagma.cli.settings import lay_over, settings_for
from syntagma.errors import InputError
from syntagma.studies import load, names

SCALING: Any = load("scaling-laws")
"""A study with learners by name."""
PRESETS = [(name, preset) for name in names() for preset in load(name).presets]


@pytest.fixture
def config(tmp_path: Path) -> Callable[[str], str]:
    """The path of a file with that text."""

    def write(text: str) -> str:
        (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
        return str(tmp_path / "mine.toml")

    return write


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_what_is_printed_is_taken_back_over_every_preset(name: str, preset: str, config: Callable[[str], str]) -> None:
    study = load(name)
    wanted = study.presets[preset].model_dump(mode="json")
    given = configuration.read(config(configuration.written(study.presets[preset])))
    for other in study.presets.values():
        tree = other.model_dump()
        lay_over(tree, given, other)
        assert without_nothing(tree) == without_nothing(wanted)


def without_nothing(value: Any) -> Any:
    """`value` without what is unset or empty, which settings may leave out."""
    if isinstance(value, dict):
        kept = {name: without_nothing(inner) for name, inner in value.items()}
        return {name: inner for name, inner in kept.items() if inner not in (None, {}, False, 0.0)}
    return [without_nothing(inner) for inner in value] if isinstance(value, list | tuple) else value


def test_what_is_read_back_is_the_same_settings(config: Callable[[str], str]) -> None:
    start = SCALING.presets["laptop"]
    assert settings_for(SCALING, "quick", [], config(configuration.written(start))) == start


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_every_setting_has_a_meaning_and_says_what_it_takes(name: str, preset: str) -> None:
    for one in described(load(name).presets[preset]):
        free = "." in one.key and one.meaning == "" and one.allowed == ""  # the entry of a name that a person chose
        assert one.meaning or free, one.key
        assert one.allowed or one.is_table or free or one.value is None, one.key


def test_keys_are_those_of_the_settings_and_values_theirs() -> None:
    start = SCALING.presets["quick"]
    leaves = {one.key: one.value for one in described(start) if not one.is_table}
    assert leaves["learners.cnn.training.clip_norm"] is None
    assert leaves["sizes"] is None
    for key, value in leaves.items():
        here: Any = start.model_dump(mode="json")
        for part in key.split("."):
            here = here.get(part) if here else None
        assert here == value, key


def test_defaults_and_bounds_are_those_of_the_class() -> None:
    found = {one.key: one for one in described(SCALING.presets["quick"])}
    rate = found["learners.cnn.training.learning_rate"]
    assert (rate.default, rate.allowed) == (0.01, "a number, above 0")
    assert found["max_examples"].default is NOTHING
    assert found["growth"].allowed == "a number, at least 1.05"
    assert found["learners.cnn.training.schedule"].allowed == '"constant" or "cosine"'
    assert "transformer" in found["learners.cnn.learner.kind"].allowed
    assert found["rules"].comment() == "the values of m; a list, each a whole number, 1 or more of them"


def test_a_part_of_the_settings_changes_that_part(config: Callable[[str], str]) -> None:
    start = SCALING.presets["laptop"]
    path = config("seeds = 7\n")
    assert settings_for(SCALING, "laptop", [], path) == start.model_copy(update={"seeds": 7})
    assert settings_for(SCALING, "laptop", ["seeds=2"], path).model_dump()["seeds"] == 2


def test_a_file_names_the_learners_there_are(config: Callable[[str], str]) -> None:
    start = SCALING.presets["laptop"]
    path = config(
        '[learners.attention.training]\nclip_norm = "unset"\n[learners.wide]\nkind = "perceptron"\n'
        '[learners.wide.learner]\nwidth = 8\n[learners.cnn.learner]\nkind = "lstm"\n[learners.solved]\n'
        'max_examples = 99\nlearner = {kind = "kernel"}\n'
    )
    chosen: Any = settings_for(SCALING, "laptop", [], path)
    assert set(chosen.learners) == {"attention", "wide", "cnn", "solved"}  # no transformer: the file does not name it
    assert chosen.learners["attention"].training == start.learners["attention"].training.model_copy(
        update={"clip_norm": None}
    )
    assert chosen.learners["wide"].learner.width == 8
    assert chosen.learners["wide"].training == start.learners["cnn"].training
    assert chosen.learners["cnn"].learner == type(chosen.learners["cnn"].learner)()  # nothing of another kind is kept
    assert chosen.learners["cnn"].training == start.learners["cnn"].training
    assert (chosen.learners["solved"].training, chosen.learners["solved"].max_examples) == (None, 99)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("seeds = ", "mine.toml cannot be used: it is not complete TOML"),
        ("x = " + "[" * 5000 + "]" * 5000, "mine.toml cannot be used"),
        ("vocab = " + "9" * 5000, "a whole number in it has too many digits"),
        ("sedes = 3", "mine.toml: key='sedes' is unknown"),
        ("sedes = 3", "Did you mean 'seeds'?"),
        ("[learners.cnn.learner]\nlr = 3", "Did you mean 'learners.cnn.training.learning_rate'?"),
        ("seeds = '3'", "seeds='3' cannot be used: it must be a number"),
        ("learners = 3", "learners=3 cannot be used"),
        ("[seeds]\nx = 1", "seeds={'x': 1} cannot be used"),
        ("[learners.cnn.learner]\nkind = 'nothing'", "learners.cnn.learner.kind='nothing' is unknown"),
        ("[learners.new]\nmax_examples = 3", "learners.new.learner is missing"),
        (
            "[learners.new]\nkind = 'cnn'\n[learners.new.learner]\nkind = 'lstm'",
            "learners.new.kind='cnn' cannot be used: learners.new.learner.kind is 'lstm', and a learner has one kind.",
        ),
        ("rules = 3", "mine.toml: rules=3 cannot be used: it must be a list. Give a list, as rules=[3]."),
        ("seeds = 1.5", "mine.toml: seeds=1.5 cannot be used: it must be a whole number. Give an integer, as seeds=3."),
    ],
)
def test_what_a_file_gets_wrong_is_one_line(text: str, says: str, config: Callable[[str], str]) -> None:
    with pytest.raises(InputError) as refused:
        settings_for(SCALING, "quick", [], config(text))
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_kind_may_be_said_twice_if_it_is_the_same(config: Callable[[str], str]) -> None:
    path = config("[learners.new]\nkind = 'lstm'\n[learners.new.learner]\nkind = 'lstm'\nwidth = 8")
    assert settings_for(SCALING, "quick", [], path).learners["new"].learner.kind == "lstm"  # pyright: ignore


@pytest.mark.parametrize(
    ("text", "change", "says"),
    [
        ("rules = 3", "seeds=2", "mine.toml: rules=3 cannot be used: it must be a list. Give a list, as rules=[3]."),
        ("seeds = 2", "rules=3.5", "rules=3.5 cannot be used: it must be a list. Give a list, as --set 'rules=[3.5]'."),
        (
            "seeds = 1.5",
            "seeds=2.5",
            "seeds=2.5 cannot be used: it must be a whole number. Give an integer, as --set seeds=3.",
        ),
    ],
)
def test_what_is_wrong_is_said_where_it_was_given(
    text: str, change: str, says: str, config: Callable[[str], str]
) -> None:
    with pytest.raises(InputError) as refused:
        settings_for(SCALING, "quick", [change], config(text))
    assert str(refused.value).removeprefix(config("").removesuffix("mine.toml")).startswith(says)


def test_a_change_mends_what_the_file_has_wrong(config: Callable[[str], str]) -> None:
    assert settings_for(SCALING, "quick", ["seeds=2"], config("seeds = 1.5")).seeds == 2  # pyright: ignore


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match=r"mine\.toml cannot be used: it is no text in UTF-8"):
        settings_for(SCALING, "quick", [], str(tmp_path / "mine.toml"))


@pytest.mark.parametrize("value", ["", 'a "b" \\ \n \x7f é', True, 1e-5, -3, [1, [2, []]], {"a b": {"c": [None]}}])
def test_values_are_toml(value: Any) -> None:
    read = tomllib.loads(f"x = {configuration.value_text(value)}")["x"]
    assert read == json.loads(json.dumps(value).replace("null", '"unset"'))


def test_lists_may_be_numbers_with_commas() -> None:
    changed: Any = settings_for(SCALING, "quick", ["rules=2,3", "sizes=64,"])
    assert (changed.rules, changed.sizes) == ((2, 3), (64,))


def test_lists_with_commas_stand_in_tables_that_were_unset_too() -> None:
    changes = ["learners.cnn.tuning.learning_rates=0.003,0.03"]
    tuned: Any = settings_for(load("grammar-sizes"), "quick", changes)
    assert tuned.learners["cnn"].tuning.learning_rates == (0.003, 0.03)


def test_new_learners_by_name_in_short_and_in_full() -> None:
    short = settings_for(SCALING, "quick", ["learners.new.kind=perceptron", "learners.new.learner.width=8"])
    full = settings_for(SCALING, "quick", ["learners.new.learner.kind=perceptron", "learners.new.learner.width=8"])
    assert short == full
    symbols: Any = settings_for(load("abstract-symbols"), "quick", ["learners.new.kind=perceptron"])
    assert (symbols.learners["new"].label, symbols.learners["new"].learner.kind) == ("new", "perceptron")
    pass_: Any = settings_for(load("one-pass"), "quick", ["learners.new.kind=perceptron"])
    assert pass_.learners["new"].steps == pass_.learners["cnn"].steps


def models(kind: type) -> Iterator[type]:
    yield kind
    for inner in kind.__subclasses__():
        yield from models(inner)


def test_another_kind_has_nothing_of_the_one_before() -> None:
    changes = ["contender.learner.layers=3", "contender.learner.kind=perceptron", "contender.learner.width=7"]
    learner = settings_for(load("zipf-rules"), "quick", changes).contender.learner  # pyright: ignore
    assert (learner.kind, learner.layers, learner.width) == ("perceptron", 3, 7)
    same = settings_for(load("zipf-rules"), "quick", ["contender.learner.kind=cnn"])
    assert same == load("zipf-rules").presets["quick"]


def test_words_mean_settings_that_exist() -> None:
    fields = {name for model in models(CheckedModel) for name in getattr(model, "model_fields", {})}
    assert {name for names in MEANT.values() for name in names} <= fields
    assert not set(MEANT) & {"learning_rate", "rules", "width"}


def test_the_nearest_key_shares_most_of_the_path() -> None:
    keys = ["a.x.rate", "b.x.rate", "b.rate", "c"]
    assert nearest("b.y.", "rate", ["z"], keys) in ("b.x.rate", "b.rate")
    assert nearest("a.", "rate", ["z"], keys) == "a.x.rate"
    assert nearest("", "lr", ["z"], [*keys, "a.learning_rate"]) == "a.learning_rate"
    assert nearest("", "q", ["z"], keys) is None


def test_explicit_sizes_are_measured_all_and_planned(capsys: pytest.CaptureFixture[str]) -> None:
    changed: Any = settings_for(SCALING, "quick", ["sizes=32,64,100000", "learners.cnn.max_examples=64"])
    assert list(changed.curve_sizes(3)) == [32, 64, 100000]
    assert list(changed.curve_sizes(3, "cnn")) == [32, 64]
    with pytest.raises(SystemExit) as leaving:
        main(["predict", "grammar-sizes", "--set", "sizes=32,64", "--json"])
    assert leaving.value.code == 0
    planned = json.loads(capsys.readouterr().out)["planned"]
    assert all(row["P"] == [32, 64] and row["seeds"] == 3 for row in planned)
    assert {row["learner"] for row in planned} == {"cnn", "attention"}


def test_the_command_prints_what_config_takes(capsys: pytest.CaptureFixture[str], config: Callable[[str], str]) -> None:
    with pytest.raises(SystemExit):
        main(["settings", "scaling-laws", "--preset", "laptop", "--set", "seeds=9"])
    printed = capsys.readouterr().out
    assert settings_for(SCALING, "quick", [], config(printed)) == settings_for(SCALING, "laptop", ["seeds=9"])
    with pytest.raises(SystemExit):
        main(["settings", "scaling-laws", "--json"])
    found = {one["key"]: one for one in json.loads(capsys.readouterr().out)}
    assert found["seeds"] == {
        "key": "seeds",
        "value": 3,
        "meaning": "how many at the most; each has a grammar, sentences and initial weights of its own",
        "allowed": "a whole number, at least 1",
        "default": 3,
    }
    assert "default" not in found["max_examples"]
