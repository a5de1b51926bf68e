"""Wrong command lines: each ends in one line on standard error and exit code 2, and nothing is written."""

from __future__ import annotations

import gzip
import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from syntagma.cli import main
from syntagma.sweep.store import Store

Line = tuple[str, ...]
STUDY = "zipf-rules"
UNSTORABLE = "caf\udce9"  # the byte E9, which is no UTF-8
WHOLE = ("x", "2.5", "nan", "inf", "-1", "[]", "null", '"3"', "true", "")
PATHS = ("", " ", "a\0b", UNSTORABLE, "a" * 300, "file/below")


def setting(change: str) -> Line:
    return "run", "scaling-laws", "--set", change


SAYS: dict[Line, str] = {
    setting("rules=3"): "rules=3 cannot be used: it must be a list. Give a list, as --set 'rules=[3]'.",
    setting("rules=[]"): "rules=[] cannot be used: it must have at least 1.",
    setting("rules=x"): "rules='x' cannot be used: it must be a list.",
    setting("vocab=2.5"): "Give an integer, as --set vocab=3.",
    setting("vocab=[4]"): "Give an integer, as --set vocab=3.",
    setting("vocab=null"): "Give an integer, as --set vocab=3.",
    setting("vocab=true"): "vocab=True cannot be used: it must be a number.",
    setting('vocab="16"'): "vocab='16' cannot be used: it must be a number. Give it without quotes.",
    setting("growth=x"): "growth='x' cannot be used: it must be a number.",
    setting("vocb=3"): "key='vocb' is unknown: there are beyond, branching, ",
    setting("VOCAB=3"): "key='VOCAB' is unknown",
    setting("vocb=3 "): "Did you mean 'vocab'?",
    setting("width=3"): "Did you mean 'learners.cnn.learner.width'?",
    setting("max_steps=3"): "Did you mean 'learners.cnn.training.max_steps'?",
    setting("learners.cnn.training.clip_nrm=1"): "Did you mean 'learners.cnn.training.clip_norm'?",
    setting("learners.cnn.training.clip_norm=x"): "learners.cnn.training.clip_norm='x' cannot be used: it must be",
    setting("learners.cnn.training.clip_norm=-1"): "learners.cnn.training.clip_norm=-1 cannot be used",
    setting("learners.cnn.learner.lr=1"): "Did you mean 'learners.cnn.training.learning_rate'?",
    setting("lr=1"): "Did you mean 'learners.cnn.training.learning_rate'?",
    setting("learners.attention.wd=1"): "Did you mean 'learners.attention.training.weight_decay'?",
    setting("learners.attention.training.num_heads=1"): "Did you mean 'learners.attention.learner.heads'?",
    setting("num_rules=[2]"): "Did you mean 'rules'?",
    setting("clip_norm=1"): "Did you mean 'learners.cnn.training.clip_norm'?",
    setting("sizes=0,4"): "the smallest value=0",
    setting("sizes=4,x"): "sizes='4,x' cannot be used: it must be a list",
    setting("learners.gated.kind=percptron"): "learners.gated.learner.kind='percptron' is unknown",
    setting("gated.kind=perceptron"): "key='gated' is unknown",
    ("run", "scaling-laws", "--config", "missing.toml"): "missing.toml cannot be read",
    ("run", "scaling-laws", "--config", "pipe"): "pipe cannot be read: is a named pipe",
    ("run", "scaling-laws", "--config", "file"): "file cannot be used: it is not complete TOML",
    ("predict", "scaling-laws", "--config", "wrong.toml"): "wrong.toml: key='learners.cnn.training.lr' is unknown",
    ("settings", "scaling-laws", "--config", "wrong.toml"): "Did you mean 'learners.cnn.training.learning_rate'?",
    ("settings", "scaling-law"): "Did you mean 'scaling-laws'?",
    ("settings", "scaling-laws", "--set", "seeds=0"): "seeds=0 cannot be used",
    setting("learners.cnn.learner.kind=cn"): "learners.cnn.learner.kind='cn' is unknown: there are attention, clus",
    setting("learners.cnn.learner.kind=percptron"): "Did you mean 'perceptron'?",
    setting("learners.cnn.learner.kind=3"): "learners.cnn.learner.kind is missing: there are attention, clusterer, c",
    setting("learners.cnn.learner=3"): "learners.cnn.learner=3 cannot be used",
    setting("learners.cnn.learner={}"): "learners.cnn.learner.kind is missing",
    setting("learners.cnn.training=null"): "learner 'cnn' is trained. Give its training",
    setting("learners.cnn.training=3"): "as --set learners.cnn.training.NAME=VALUE",
    setting("learners.cnn.training.optimizer=adm"): "Did you mean 'adam'?",
    setting("learners.gated.learner.kind=percptron"): "learners.gated.learner.kind='percptron' is unknown",
    setting("learners.gated.learner.kind=missing.py"): "there is no such file",
    setting("learners.gated.learner.width=3"): "key='learners.gated' is unknown",
    setting("learners.cn.training.max_steps=3"): "Did you mean 'learners.cnn'?",
    setting("learners.gated=3"): "learners.gated=3 cannot be used",
    setting("learners={}"): "learners={} cannot be used",
    setting("learners=cnn"): "learners='cnn' cannot be used",
    setting("vocab"): "it must be key=value",
    setting("=3"): "it must be key=value",
    setting("vocab.x=3"): "vocab is one value, with nothing inside",
    setting("rules.9=3"): "rules has the places 0 to",
    setting("rules.x=3"): "rules has the places 0 to",
    setting("rules." + "9" * 5000 + "=3"): "rules has the places 0 to",
    setting("vocab=" + "[" * 100_000): "vocab='[[[",
    setting("vocab=" + "9" * 5000): "vocab=",
    setting("vocab=NaN"): "vocab=nan",
    setting("growth=Infinity"): "growth=inf",
    setting("seeds=1e999"): "seeds=inf",
    setting("max_examples=1"): "Raise max_examples, or lower start",
    setting("start=64"): "start=64 cannot be used",
    setting("start=1e308"): "start=1e+308 cannot be used",
    setting("growth=1.0000000000000002"): "growth=1.0000000000000002 cannot be used",
    setting("levels=9"): "levels=9 cannot be used",
    setting("rules=[999]"): "rules=999",
    setting("vocab=999999999"): "cannot be used",
    setting("seeds=999999999999"): "seeds=999999999999 cannot be used: a study has at most 10000 seeds. Lower it.",
    ("run", "abstract-symbols", "--set", "seeds=" + "9" * 30): "a study has at most 10000 seeds",
    ("run", "permutation-bias", "--set", "network_seeds=10001"): "network_seeds=10001 cannot be used",
    setting("learners.cnn.learner.width=1000000"): "cannot be done: it takes at least 80,000.8 GB of memory and there",
    setting("test_examples=100000000000"): "cannot be done: it takes at least 7,200.3 GB of memory and there",
    ("run", "scaling-laws", "--dry-run", "--set", "learners.cnn.learner.width=1000000"): "80,000.8 GB of memory",
    ("run", "weight-sharing", "--set", "learners.cnn.learner.width=1000000"): "cannot be done: it takes at least",
    ("fit", "--examples", "3000000"): "cannot be done: it takes at least 144,000.4 GB of memory and there are",
    ("fit", "--examples", "3000000", "--out", "new"): "(kernel, num_examples=3000000, seed=0) cannot be done: it takes",
    ("fit", "--learner", "cnn", "--set", "learner.width=3000000"): "Make its learner or its number of examples smaller",
    ("fit", "--learner", "cnn", "--sweep", "learner.width=[8,3000000]", "--out", "new"): "cannot be done: it takes at",
    setting(f"learners.{UNSTORABLE}.kind=cnn"): "names are printable text in UTF-8. Choose another.",
    setting("learners.a\nb.kind=cnn"): "names are printable text in UTF-8",
    setting(f"learners.cnn.learner.kind={UNSTORABLE}"): "learners.cnn.learner.kind='caf\\\\xe9' is unknown",
    setting(f"learners.cnn.learner.kind={UNSTORABLE}.py"): "there is no such file",
    ("probe", "nowhere", "seed=0", "--step", "null"): "step=None cannot be used: it must be a whole number",
    ("forecast", "corpus"): "corpus is a corpus that was saved. Corpus.open(FOLDER) reads it",
    ("forecast", "text.txt", "--split", "test"): "text.txt is no data set of Hugging Face. Leave split out",
    ("forecast", "text.txt", "--vocab", "null"): "vocab=None cannot be used: it must be a whole number",
    ("forecast", "text.txt", "--tokens", "uint16", "--vocab", "65536"): "text.txt is no file of tokens by its name",
    ("forecast", "text.txt.gz", "--tokens", "uint16", "--vocab", "65536"): "text.txt.gz is no file of tokens by its",
    ("forecast", "text.txt", "--tokens", "uint16", "--vocab", "9", "--split", "x"): "a token file has no text. Leave s",
    ("forecast", "text.txt", "--end-of-document", "null"): "end_of_document=None cannot be used",
    ("export", "random-hierarchy", "--examples", "10", "--to", "/proc/x"): "cannot be written",
    ("score", "foreign", "text.txt"): "foreign/metadata.json cannot be read",
    ("merge", "foreign", "--out", "new"): "foreign/results.sqlite cannot be used",
    ("merge", "nowhere", "--out", "new"): "results.sqlite does not exist",
    ("merge", "nowhere", "--out", "file"): "out='file' cannot be used: it is a file",
    ("merge", "nowhere", "--out", "x.sqlite"): "results go into a directory. Give x",
    ("merge", "nowhere"): "out",
    ("merge", "--out", "new"): "DIR",
    ("probe", "torn", "seed=0"): "torn/results.sqlite cannot be used: it is damaged",
    ("run", STUDY, "--shard", "0/2"): "I goes from 1 to N. Give one of 1/2 to 2/2.",
    ("run", STUDY, "--shard", "3/2"): "Give one of 1/2 to 2/2",
    ("run", STUDY, "--shard", "1/0"): "Give 1/1 for all runs",
    ("run", STUDY, "--shard", "2"): "it must be two whole numbers, I/N",
    ("run", STUDY, "--shard", "1/2/3"): "it must be two whole numbers, I/N",
    ("run", STUDY, "--shard", "-1/2"): "it must be two whole numbers, I/N",
    ("run", STUDY, "--shard", ""): "it must be two whole numbers, I/N",
    ("run", "scaling-laws", "--shard", "1/2"): "which runs scaling-laws wants depends on results of others",
    ("run", STUDY, "--ray", ""): "Give auto, local, or HOST:PORT",
    ("run", STUDY, "--ray", "somewhere"): "Give auto, local, or HOST:PORT",
    ("run", STUDY, "--out", "x.sqlite"): "results go into a directory. Give x",
    ("run", STUDY, "--out", "file"): "out='file' cannot be used: it is a file",
    ("run", STUDY, "--out", "pipe"): "out='pipe' cannot be used",
    ("run", STUDY, "--out", "foreign"): "foreign/results.sqlite cannot be used",
    ("run", STUDY, "--preset", "qiuck"): "Did you mean 'quick'?",
    ("report", "foreign"): "foreign/results.sqlite cannot be used",
    ("results", "foreign"): "foreign/results.sqlite cannot be used",
    ("report", "nowhere"): "results.sqlite does not exist",
    ("report", "nowhere", "--format", "png,gif"): "format='gif' is unknown: there are json, pdf, png, svg",
    ("report", "nowhere", "--format", "pgn"): "Did you mean 'png'?",
    ("report", "nowhere", "--format", ""): "format=''",
    ("results", "nowhere", "--csv", "runs.parquet"): "must end in .csv",
    ("results", "nowhere", "--parquet", "runs.csv"): "must end in .parquet",
    ("results", "nowhere", "--csv", "missing/runs.csv"): "missing is no directory",
    ("fit", "--set", "width=3", "--learner", "cnn"): "Did you mean 'learner.width'?",
    ("fit", "--set", "lerner.width=3"): "Did you mean 'learner'?",
    ("fit", "--set", "learner.widht=3", "--learner", "cnn"): "Did you mean 'learner.width'?",
    ("fit", "--set", "language=3"): "Give one of them, as --set language.NAME=VALUE",
    ("fit", "--set", "language.vocab=x"): "language.vocab='x' cannot be used: it must be a number",
    ("fit", "--set", "training.max_steps=3"): "solved or sampled, not trained",
    ("fit", "--learner", "cn"): "Did you mean 'cnn'?",
    ("fit", "--language", "hierarchy"): "Did you mean 'random-hierarchy'?",
    ("fit", "--task", "last"): "Did you mean 'last-token'?",
    ("fit", "--language", "text"): "path",
    ("fit", "--language", "text", "--set", "language.path=missing.txt"): "missing.txt",
    ("fit", "--language", "text", "--set", "language.path=pipe"): "pipe",
    ("fit", "--language", "text", "--set", "language.path=a\0b"): "",
    ("fit", "--language", "missing.py"): "there is no such file",
    ("fit", "--learner", "file.py"): "cannot be imported",
    ("fit", "--language", "empty.py"): "it adds no language",
    ("fit", "--language", "leaving.py"): "cannot be imported: SystemExit: 7",
    ("run", "endless.py"): "cannot be imported: RecursionError",
    ("predict", "three.py"): "three.py",
    ("report", "stored", "--with", "leaving.py"): "cannot be imported: SystemExit: 7",
    ("fit", "--learner", "transformer", "--set", "learner.tied=no"): "it is true or false. Give one, as --set learner",
    ("fit", "--learner", "transformer", "--set", "learner.tied=1"): "learner.tied=1 cannot be used: it is true",
    ("fit", "--learner", "cnn", "--sweep", "learner.width=4,8", "--set", "learner.width=4"): "sweep='learner.width' ca",
    ("fit", "--learner", "cnn", "--sweep", "examples=8,16", "--examples", "4"): "--examples gives it one value",
    ("fit", "--set", "learner.x=" + '{"a":' * 900 + "1" + "}" * 900): "",
    ("compare", "stored", "stored", "--metric", "nope"): "nope",
    ("compare", "stored", "torn"): "torn/results.sqlite cannot be used: it is damaged",
    ("results", "stored", "--where", "nope=1"): "nope",
    ("results", "stored", "--columns", "seed,,seed"): "",
    ("results", "stored", "--histories", "histories.txt"): "must end in .csv or .parquet",
    ("watch", "stored", "--port", "99999999"): "",
    ("merge", "stored", "--out", "stored/results.sqlite"): "results go into a directory",
    ("sample", "--grammar", "deep.json"): "deep.json",
    ("run", "scaling-laws", "--config", "twice.toml"): "twice.toml",
    ("export", "random-hierarchy", "--examples", "10", "--to", "stored"): "stored",
    ("run", "missing.py"): "there is no such file",
    ("run", "file.py"): "cannot be imported",
    ("run", "empty.py"): "the file has no STUDY",
    ("predict", "missing.py"): "there is no such file",
    ("smple",): "Did you mean 'sample'?",
    ("sample", "--grammar", "missing.json"): "missing.json",
    ("sample", "--grammar", "file"): "file",
    ("sample", "--grammar", "pipe"): "pipe",
    ("sample", "--grammar", "foreign"): "Is a directory",
    ("sample", "--out", "tokens.npy", "--hidden"): "Give an .npz file",
    ("sample", "--out", "foreign"): "foreign cannot be written: it is a directory",
    ("sample", "--save-grammar", "missing/grammar.json"): "missing is no directory",
    ("sample", "--rules", "9", "--vocab", "8"): "Lower rules to 8",
    ("sample", "--distinct", "--number", "33", "--depth", "1"): "32 distinct sentences",
}  # fmt: skip
"""A command line and what its message has to say."""


def generated() -> Iterator[Line]:
    """Every command with every wrong value of every kind of option."""
    for command in ("predict", "run", "settings"):
        yield (command,)
        for name in ("", "zipf-rule", "Zipf-rules", "a\0b", UNSTORABLE, "a\0b.py", UNSTORABLE + ".py"):
            yield command, name
        yield command, STUDY, "another"
        for preset in ("", "QUICK", "none", "1"):
            yield command, STUDY, "--preset", preset
        for change in ("", "x", "=", "=1", "x=1", "..=1", "seeds.=1", ".seeds=1", "seeds.x.y=1", "a\0b=1"):
            yield command, STUDY, "--set", change
        for value in ("x", "2.5", "nan", "-1", "0", "[]", "{}", "null", '"3"', "true"):
            yield command, STUDY, "--set", f"seeds={value}"
        yield command, STUDY, "--nothing"
        yield command, STUDY, "--set"
    for value in ("x", "2.5", "nan", "-1", "[]", "null", '"3"', "true", "", "1e400"):
        yield "run", STUDY, "--workers", value
    for command in ("report", "results", "probe"):
        yield (command,)
        for place in ("nowhere", *PATHS):
            yield command, place, *(("seed=0",) if command == "probe" else ())
    for place in PATHS:
        if place != UNSTORABLE:  # what is written may be there
            yield "run", STUDY, "--out", place
            yield "sample", "--out", place
            yield "sample", "--save-grammar", place
        yield "report", "nowhere", "--to", place
        yield "sample", "--grammar", place
        yield "results", "nowhere", "--csv", place
        yield "results", "nowhere", "--parquet", place
    for place in PATHS:
        yield "merge", place, "--out", "new"
        yield "merge", "nowhere", "--out", place
        yield "run", STUDY, "--ray", place
        yield "run", STUDY, "--shard", place
        yield "predict", "corpus-forecast", "--set", f"text={place}"
        yield "run", "corpus-forecast", "--set", f"text={place}"
        yield "fit", "--language", "text", "--set", f"language.path={place}"
    for name in ("", "tex", "*.nothing", "/dev/zero", "pipe", "foreign", "empty.py", "text.txt", "hf:", "[", "a\0b"):
        yield "forecast", name
    for tokens in ("", "cahr", "bpe", "bpe:x", "bpe:-1", "bpe:" + "9" * 40, "missing.json", "uint8", "uint16", "\0"):
        yield "forecast", "text.txt", "--tokens", tokens
    for option, value in itertools.product(("vocab", "end-of-document"), ("x", "-1", "nan", "2.5", "[]", "1e400")):
        yield "forecast", "text.txt", f"--{option}", value
    for place in PATHS:
        if place != UNSTORABLE:
            yield "forecast", "text.txt", "--out", place
            yield "export", "random-hierarchy", "--examples", "10", "--to", place
        yield "score", place, "text.txt"
        yield "compare", place, "nowhere"
        yield "watch", place, "--once"
        yield "network", place, "seed=0"
    for splits in (
        "",
        "train",
        "train=x",
        "train=-1",
        "train=nan",
        "a=1",
        "train=0.5",
        "train=1,train=1",
        "train=1e30",
    ):
        yield "export", "random-hierarchy", "--to", "new", "--splits", splits
        yield "export", "random-hierarchy", "--to", "new", "--examples", "10", "--splits", splits
    for option, value in itertools.product(
        ("examples", "seed", "grammar-seed"), ("x", "-1", "nan", "2.5", "true", "[]")
    ):
        more = () if option == "examples" else ("--examples", "10")
        yield "export", "random-hierarchy", "--to", "new", *more, f"--{option}", value
    for values in ("", "x", "training.learning_rate", "training.learning_rate=", "training.learning_rate=x"):
        yield "fit", "--learner", "cnn", "--sweep", values
    for ends in ("..1", "1..", "1..0.1:3", "0..1:3", "0.1..1:0", "0.1..1:x", "0.1..inf:3", "0.1..1:" + "9" * 40):
        yield "fit", "--learner", "cnn", "--sweep", f"training.learning_rate={ends}"
    for width in ("x", "0", "-1", "nan", "inf", "1e9", "", "3,3"):
        yield "report", "nowhere", "--width", width
    for option, value in itertools.product(("vocab", "rules", "branching", "depth", "number"), WHOLE):
        yield "sample", f"--{option}", value
    for value in ("x", "2.5", "nan", "-1", "[]", "true", ""):
        yield "sample", "--seed", value
        yield "fit", "--seed", value
    for option, value in itertools.product(("examples", "test-examples", "validation-examples"), WHOLE):
        yield "fit", f"--{option}", value
    for option in ("language", "task", "learner"):
        for value in ("", "nothing", "a\0b", UNSTORABLE, "None"):
            yield "fit", f"--{option}", value
    for field in ("vocab", "rules", "branching", "depth", "seed"):
        for value in ("x", "2.5", "nan", "-1", "[]", "true", '"3"'):
            yield "fit", "--set", f"language.{field}={value}"
    for value in ("x", "nan", "-1", "[]", "true"):
        yield "probe", "nowhere", "seed=0", "--sentences", value
    yield "list", "everything"


LINES = [*SAYS, *dict.fromkeys(line for line in generated() if line not in SAYS)]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of one run, as they should be."""
    directory = tmp_path_factory.mktemp("stored")
    with Store.create(directory) as store:
        store.record_run({"seed": 1}, {"test_loss": 1.0})
    return directory


@pytest.fixture
def place(stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with files of every wrong kind: no Python, empty, a pipe, a foreign database, a torn one."""
    (tmp_path / "file").write_text("no directory")
    (tmp_path / "file.py").write_text("1 +")
    (tmp_path / "empty.py").write_text("")
    (tmp_path / "leaving.py").write_text("import sys\n\nsys.exit(7)\n")
    (tmp_path / "endless.py").write_text("def go():\n    go()\n\n\ngo()\n")
    (tmp_path / "three.py").write_text("STUDY = 3\n")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (tmp_path / "twice.toml").write_text("seeds = 1\nseeds = 2\n")
    shutil.copytree(stored, tmp_path / "stored")
    (tmp_path / "text.txt").write_text("words, too few for a forecast")
    (tmp_path / "text.txt.gz").write_bytes(gzip.compress(b"words"))
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "corpus.json").write_text("{}")
    (tmp_path / "wrong.toml").write_text("[learners.cnn.training]\nlr = 0.1\n")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "foreign").mkdir()
    Store.create(tmp_path / "torn").close()
    with (tmp_path / "torn" / "results.sqlite").open("r+b") as stored:
        stored.truncate(5000)
    (tmp_path / "foreign" / "results.sqlite").write_text("a file of another program, long enough to have a header")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(place: Path) -> dict[str, int]:
    return {str(path): path.lstat().st_size for path in place.rglob("*") if "__pycache__" not in path.parts}


def name_of(line: Line) -> str:
    return " ".join(line).encode("unicode_escape").decode()[:80]


def test_there_are_many() -> None:
    assert len(LINES) >= 250


@pytest.mark.parametrize("line", LINES, ids=name_of)
def test_a_wrong_command_is_refused_in_one_line_and_writes_nothing(
    line: Line, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(place)
    with pytest.raises(SystemExit) as leaving:
        main(line)
    said = capsys.readouterr()
    assert leaving.value.code == 2, said.err
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    assert SAYS.get(line, "") in said.err
    assert contents(place) == before
