"""Exports read back as other programs would, with the real ones where they are installed; what is beside; refusals."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest

from syntagma import HierarchySettings, RandomHierarchy, Templates, TreeOracle, export
from syntagma.cli import main
from syntagma.datasets import FORMATS, open_export, split_sizes
from syntagma.errors import InputError
from syntagma.languages.settings import LANGUAGES

SETTINGS = HierarchySettings(vocab=4, rules=2, branching=2, depth=2, seed=3)
LANGUAGE = SETTINGS.language()
SIZES = {"train": 60, "validation": 8, "test": 20}


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One folder for each format."""
    place = tmp_path_factory.mktemp("exports")
    for name in FORMATS:
        export(SETTINGS, place / name, **SIZES, format=name, seed=5, labels=name == "hf")
    return {name: place / name for name in FORMATS}


def tokens(split: str) -> np.ndarray:
    return LANGUAGE.splits(**SIZES, seed=5)[split].tokens


@pytest.mark.parametrize("split", SIZES)
def test_arrays_and_tables_hold_the_sentences_of_the_splits(exports, split):
    found = np.load(exports["npy"] / f"{split}.npy", allow_pickle=False)
    assert (found == tokens(split)).all()
    assert found.dtype == np.uint8
    table = pyarrow.parquet.read_table(exports["parquet"] / f"{split}.parquet")
    assert table.column_names == ["tokens"]
    assert (np.array(table["tokens"].to_pylist()) == tokens(split)).all()


def test_bin_is_read_as_loaders_in_the_manner_of_nanogpt_do(exports):
    data = np.memmap(exports["bin"] / "train.bin", dtype=np.uint16, mode="r")
    block = 4
    starts = np.arange(0, len(data), block + 1)  # where sentences begin; such loaders draw any place
    x = np.stack([data[i : i + block].astype(np.int64) for i in starts])
    y = np.stack([data[i + 1 : i + 1 + block].astype(np.int64) for i in starts])
    assert (x[:, 0] == LANGUAGE.vocab).all()
    assert (y == tokens("train")).all()
    assert (x[:, 1:] == tokens("train")[:, :-1]).all()
    assert (exports["bin"] / "val.bin").stat().st_size == 2 * 8 * (block + 1)
    assert json.loads((exports["bin"] / "metadata.json").read_text())["separator"] == 4


def test_hugging_face_datasets_reads_the_folder(exports, tmp_path):
    datasets = pytest.importorskip("datasets")
    found = datasets.load_dataset(str(exports["hf"]), cache_dir=str(tmp_path / "cache"))
    assert {name: len(part) for name, part in found.items()} == SIZES
    for split in SIZES:
        assert (np.array(found[split]["tokens"][:]) == tokens(split)).all()
        sample = LANGUAGE.splits(**SIZES, seed=5, hidden=True)[split]
        assert list(found[split]["label"][:]) == sample.levels[-1][:, 0].tolist()
    found.save_to_disk(str(tmp_path / "disk"))
    again = datasets.load_from_disk(str(tmp_path / "disk"))
    assert again["test"][0]["tokens"] == tokens("test")[0].tolist()


def test_hugging_face_reads_a_folder_that_was_exported_anew(tmp_path):
    """It caches by the folder's and the files' names: so these say what is in them."""
    datasets = pytest.importorskip("datasets")
    for seed in (1, 2):
        export(SETTINGS, tmp_path / "data", test=5, format="hf", seed=seed)
        part = datasets.load_dataset(str(tmp_path / "data"), cache_dir=str(tmp_path / "cache"))["test"]
        assert (np.array(part["tokens"][:]) == LANGUAGE.splits(test=5, seed=seed)["test"].tokens).all()
        shutil.rmtree(tmp_path / "data")


def test_torch_reads_arrays_by_its_dataset(exports):
    torch = pytest.importorskip("torch")
    array = np.load(exports["npy"] / "train.npy", mmap_mode="r")
    dataset = torch.utils.data.TensorDataset(torch.from_numpy(array.astype(np.int64)))
    (batch,) = next(iter(torch.utils.data.DataLoader(dataset, batch_size=16)))
    assert (batch.numpy() == tokens("train")[:16]).all()


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_known_stands_beside(exports, name):
    folder = exports[name]
    losses = np.load(folder / "oracle_losses.npy", allow_pickle=False)
    assert -losses.sum(1) == pytest.approx(LANGUAGE.log_prob(tokens("test")))
    metadata = json.loads((folder / "metadata.json").read_text())
    assert metadata["oracle_losses"]["by_position"] == pytest.approx(losses.mean(0).tolist())
    plateaus = [float(one) for one in TreeOracle(LANGUAGE).plateaus()]
    assert [one["nats"] for one in metadata["plateaus"]] == plateaus
    assert [one["context"] for one in metadata["plateaus"]] == [0, 1, 3]
    assert metadata["language"] == SETTINGS.model_dump(mode="json")
    assert {name: one["sentences"] for name, one in metadata["splits"].items()} == SIZES
    assert all((folder / file).is_file() for one in metadata["splits"].values() for file in one["files"])
    in_train = {tuple(row) for row in tokens("train")}
    for split in ("validation", "test"):
        repeated = sum(tuple(row) in in_train for row in tokens(split))
        assert metadata["splits"][split]["sentences_also_in_train"] == repeated
    opened = open_export(folder)
    assert opened.language == LANGUAGE == RandomHierarchy.load(folder / "grammar.json")
    assert (opened.sizes, opened.seed) == (SIZES, 5)
    assert folder.stat().st_mode & 0o055 == 0o055


def test_a_language_without_a_tree_is_exported_by_its_settings(tmp_path):
    templates = Templates(templates=["αα -> +1", "αβ -> -1"], train_symbols=6, test_symbols=6)
    export(templates, tmp_path / "data", train=9, labels=True)
    drawn = templates.language().splits(train=9, hidden=True)["train"]
    assert (np.load(tmp_path / "data" / "train.npy") == drawn.tokens).all()
    assert (np.load(tmp_path / "data" / "train_labels.npy") == drawn.labels).all()
    assert json.loads((tmp_path / "data" / "metadata.json").read_text())["plateaus"] is None
    assert open_export(tmp_path / "data").language == templates.language()


@pytest.mark.parametrize(
    ("text", "examples", "sizes"),
    [
        ("train=0.8,validation=0.1,test=0.1", 1000, {"train": 800, "validation": 100, "test": 100}),
        ("train=0.8,validation=0.1,test=0.1", 11, {"train": 9, "validation": 1, "test": 1}),
        ("test=7, train=3", None, {"train": 3, "test": 7}),
        ("test=7,train=3", 10, {"train": 3, "test": 7}),
        ("train=1e3", None, {"train": 1000}),
        ("train=1", 50, {"train": 50}),
        ("train=1", None, {"train": 1}),
    ],
)
def test_splits_are_shares_or_numbers(text, examples, sizes):
    assert split_sizes(text, examples) == sizes


@pytest.mark.parametrize(
    ("text", "examples", "says"),
    [
        ("train", None, "it is a list of name=number"),
        ("", None, "it is a list of name=number"),
        ("trian=3", None, "Did you mean 'train'?"),
        ("train=3,train=4", None, "train is named twice"),
        ("train=x", None, "'x' is no number above 0"),
        ("train=-1", None, "'-1' is no number above 0"),
        ("train=nan", None, "'nan' is no number above 0"),
        ("train=2.5", None, "train=2.5"),
        ("train=0.5,test=5", 10, "shares and numbers are mixed"),
        ("train=0.5,test=0.4", 10, "the shares sum to 0.9"),
        ("train=0.5,test=0.5", None, "examples is missing"),
        ("train=3,test=4", 10, "the splits have 7 sentences together"),
        ("train=0.9,test=0.1", 2, "leave a split without a sentence"),
    ],
)
def test_splits_that_cannot_be_are_refused(text, examples, says):
    with pytest.raises(InputError) as caught:
        split_sizes(text, examples)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"format": "arrow"}, "format='arrow' is unknown: there are bin, hf, npy, parquet"),
        ({"language": HierarchySettings(vocab=2**16, rules=1, branching=2, depth=1), "format": "bin"}, "16 bits hold"),
        ({"train": 0}, "no sentence is asked for"),
        ({"to": "file"}, "it is a file"),
        ({"to": "full"}, "something is in it"),
        ({"to": "missing/data"}, "is no folder"),
        ({"to": "a\0b"}, "no folder can have such a name"),
        ({"seed": -1}, "seed=-1"),
        ({"language": 3}, "not a language"),
    ],
)
def test_an_export_that_cannot_be_leaves_nothing(arguments, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    for name in ("file", "full/file"):
        (tmp_path / name).write_text("")
    before = sorted(tmp_path.rglob("*"))
    given: dict[str, Any] = {"language": SETTINGS, "to": "data", "train": 4, **arguments}
    with pytest.raises(InputError) as caught:
        export(given.pop("language"), given.pop("to"), **given)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text[:50], "is no JSON"),
        (lambda text: "[]", 'its "format" is not'),
        (lambda text: text.replace('"version": 2', '"version": 9'), "has version 9"),
        (lambda text: text.replace('"seed": 5', '"seed": "5"'), "lacks what an export says of itself"),
        (lambda text: text.replace('"splits"', '"parts"'), "lacks what an export says of itself"),
    ],
)
def test_damaged_metadata_are_refused_in_one_line(exports, change, says, tmp_path):
    text = (exports["npy"] / "metadata.json").read_text()
    (tmp_path / "metadata.json").write_text(change(text))
    with pytest.raises(InputError, match="metadata") as caught:
        open_export(tmp_path)
    assert says in str(caught.value)


@pytest.mark.parametrize("name", FORMATS)
def test_a_changed_file_is_named_and_one_that_was_removed_is_not_missed(exports, name, tmp_path):
    shutil.copytree(exports[name], tmp_path / "copy")
    folder = tmp_path / "copy"
    metadata = open_export(folder).metadata
    for one in metadata["splits"].values():
        for file, checksum in one["sha256"].items():
            assert hashlib.sha256((folder / file).read_bytes()).hexdigest() == checksum
        assert list(one["sha256"]) == one["files"]
    for file in (metadata["splits"]["validation"]["files"][0], "oracle_losses.npy"):
        content = bytearray((folder / file).read_bytes())
        content[-1] ^= 1
        (folder / file).write_bytes(content)
        with pytest.raises(InputError) as caught:
            open_export(folder)
        assert str(caught.value).startswith(f"{folder / file} is damaged: its SHA-256 is not")
        (folder / file).unlink()
        assert open_export(folder).sizes == SIZES


def test_an_export_of_before_there_were_checksums_is_read(exports, tmp_path):
    metadata = json.loads((exports["npy"] / "metadata.json").read_text())
    for one in (*metadata["splits"].values(), metadata["oracle_losses"]):
        del one["sha256"]
    shutil.copytree(exports["npy"], tmp_path / "old")
    (tmp_path / "old" / "metadata.json").write_text(json.dumps({**metadata, "version": 1}))
    (tmp_path / "old" / "test.npy").write_bytes(b"")
    assert open_export(tmp_path / "old").sizes == SIZES


def test_another_grammar_s_file_is_not_taken_for_this_one(exports, tmp_path):
    (tmp_path / "metadata.json").write_text((exports["npy"] / "metadata.json").read_text())
    RandomHierarchy(3, 2, 2, 2, seed=77).save(tmp_path / "grammar.json")
    with pytest.raises(InputError, match=r"grammar\.json is not the grammar that metadata\.json names"):
        open_export(tmp_path)


def test_the_documented_sentence_is_the_first_of_the_documented_export(tmp_path):
    text = (Path(__file__).parent.parent / "docs" / "data-out.md").read_text()
    language = HierarchySettings(vocab=8, rules=4, branching=2, depth=3)
    first = language.language().splits(test=1)["test"].tokens[0].tolist()
    assert str({"tokens": first}) in text


# --- the commands -----------------------------------------------------------------------------------------------------


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def go(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as leaving:
            main(arguments)
        said = capsys.readouterr()
        return int(leaving.value.code or 0), said.out, said.err

    return go


def test_export_and_score_from_the_command_line(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = "export random-hierarchy --splits train=50,test=40 --to data --grammar-seed 3 --set language.vocab=4"
    code, out, err = command(*words.split(), "--set", "language.rules=2", "--set", "language.depth=2")
    assert code == 0, err
    assert "40 sentences  data/test.npy" in out
    oracle = TreeOracle(LANGUAGE)
    test = np.load("data/test.npy")
    known = np.log(oracle.posterior(test, np.array([False, False, True, False])) + 1e-9)
    np.save("last.npy", known - np.log(np.exp(known).sum(1, keepdims=True)))
    code, out, err = command("score", "data", "last.npy", "--json", "--reader", "counter", "--examples", "50")
    assert code == 0, err
    found = json.loads(out)
    by_name = {row["quantity"]: row["value"] for row in found["score"]}
    assert by_name["level learned"] == 1
    assert by_name["loss"] == pytest.approx(-np.mean(known[np.arange(40), test[:, -1]]), abs=1e-6)
    assert [row["predictor"] for row in found["readers"]] == ["counter"]
    with np.errstate(divide="ignore"):
        np.save("next.npy", np.log(oracle.next_token(test)).astype(np.float32)[:30, 1:])
    code, out, err = command("score", "data", "next.npy", "--task", "next-token", "--json")
    assert code == 0, err
    assert {row["quantity"]: row["value"] for row in json.loads(out)["score"]}["above it"] == pytest.approx(0, abs=1e-6)
    code, out, err = command("score", "data", "next.npy", "--task", "next-token")
    assert "observers" in out


def test_a_language_of_one_s_own_is_exported_by_its_file_and_scored_with_it(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).parent.parent / "examples" / "echo_language.py").read_text()
    Path("mine.py").write_text(text.replace('"echo"', '"echo-of-mine"'))
    code, _, err = command("export", "mine.py", "--splits", "test=20", "--to", "data")
    assert code == 0, err
    vocab = json.loads(Path("data/metadata.json").read_text())["vocab"]
    np.save("uniform.npy", np.full((20, vocab), -np.log(vocab)))
    kinds = {kind: one for kind, one in LANGUAGES.all().items() if kind != "echo-of-mine"}
    monkeypatch.setattr(LANGUAGES, "_classes", kinds)  # as in a process of its own
    code, _, err = command("score", "data", "uniform.npy")
    assert code == 2
    assert "language.kind='echo-of-mine' is unknown" in err
    assert "A language of your own is named by --with FILE." in err
    Path("mine.py").write_text(Path("mine.py").read_text() + "\n")  # else it is not imported again
    code, out, err = command("score", "data", "uniform.npy", "--with", "mine.py", "--json")
    assert code == 0, err
    loss = {row["quantity"]: row["value"] for row in json.loads(out)["score"]}["loss"]
    assert loss == pytest.approx(np.log(vocab))
    assert command("score", "data", "uniform.npy", "--with", "no.py")[2].startswith("error: with='no.py' cannot be")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("score data missing.npy", "missing.npy cannot be read"),
        ("score data text.npy", "text.npy is no .npy file: save the array with numpy.save"),
        ("score data objects.npy", "objects.npy is no .npy file of numbers"),
        ("score data whole.npy", "FILE='int64 (3, 4)' cannot be used"),
        ("score data many.npy", "test has 20 sentences, and each has one row"),
        ("score data one.npy", "a row for each of 2 sentences or more"),
        ("score data wide.npy", "FILE.shape=(5, 5) cannot be used: it must be (5, 4)"),
        ("score data logits.npy", "FILE gives no log-probabilities but logits"),
        ("score data good.npy --task label", "task='label' is unknown"),
        ("score data good.npy --split tset", "Did you mean 'test'?"),
        ("score data good.npy --reader countre", "Did you mean 'counter'?"),
        ("score data good.npy --reader counter", "the reader 'counter' has to be fitted"),
        ("score data good.npy --context 4", "a token has at most 3 before it"),
        ("score nowhere good.npy", "nowhere/metadata.json cannot be read"),
        ("export random-hierarchy --to new --examples 1.5", "examples=1.5"),
        ("export random-hierarchy --to new", "examples is missing"),
        ("export random-hierarhy --to new --examples 10", "Did you mean 'random-hierarchy'?"),
        ("export random-hierarchy --to new --examples 10 --format np", "Did you mean 'npy'?"),
        ("export random-hierarchy --to new --examples 10 --set vocab=3", "Did you mean 'language.vocab'?"),
        ("export random-hierarchy --to new --examples 10 --set language.rules=99", "rules=99"),
        ("export random-hierarchy --to text.npy --examples 10", "it is a file"),
        ("export dirichlet-multinomial --to new --examples 10 --grammar-seed 3", "is not drawn from a seed"),
        ("sample --grammar-seed x", "grammar-seed='x'"),
    ],
)
def test_bad_commands_say_one_line_and_write_nothing(exports, command, tmp_path, monkeypatch, words, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").symlink_to(exports["npy"])
    (tmp_path / "text.npy").write_text("no array")
    good = np.log(np.full((5, 4), 0.25))
    arrays = {"whole": np.zeros((3, 4), int), "many": np.tile(good, (5, 1)), "one": good[:1], "good": good}
    arrays |= {"wide": np.log(np.full((5, 5), 0.2)), "logits": good + 1}
    for name, array in arrays.items():
        np.save(f"{name}.npy", array)
    np.save("objects.npy", np.array([{}, {}], dtype=object), allow_pickle=True)
    before = sorted(tmp_path.rglob("*"))
    code, out, err = command(*words.split())
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert says in err
    assert sorted(tmp_path.rglob("*")) == before
