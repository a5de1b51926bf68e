"""`syntagma forecast`: any source, one verdict, the page; and what cannot be forecast is one line."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from syntagma.cli import main
from syntagma.languages import Corpus
from syntagma.languages.corpora import Tokens
from syntagma.randomness import stream
from syntagma.statistics.symmetry import measured_symmetry, of_frequent_tokens
from syntagma.studies import machinery
from syntagma.studies.corpus_forecast import STUDY, CorpusForecast, of_corpus
from syntagma.studies.corpus_forecast.assumptions import assumptions
from syntagma.studies.corpus_forecast.of_corpus import Reading, read
from syntagma.studies.corpus_forecast.reading_figure import reading_figure
from syntagma.studies.corpus_forecast.settings import TextStatistics

LOOK = TextStatistics(largest_lag=64, lags_per_doubling=3, shuffles=2, blocks=8, longest=6, first_lag=4)


def power_tokens(seed: int, length: int, beta: float = 0.8) -> np.ndarray:
    """Each token reads one of 9 binary chains of correlation times 4^k: strengths fall as t^-beta from t = 4 on."""
    generator, times = stream(seed, "power tokens"), 4.0 ** np.arange(9)
    shares = times ** (-beta / 2) / (times ** (-beta / 2)).sum()
    chosen, tokens = generator.choice(9, size=length, p=shares), np.zeros(length, np.uint16)
    for k, time in enumerate(times):
        chain = np.cumsum(generator.random(length) < (1 - np.exp(-1 / time)) / 2) % 2
        tokens[chosen == k] = chain[chosen == k]
    return tokens


def corpus_of(tokens: np.ndarray, vocab: int) -> Corpus:
    bounds = np.array([0, 0.85, 0.9, 1.0]) * len(tokens)
    parts = {
        name: Tokens(tokens[int(a) : int(b)], np.zeros(1, np.int64))
        for name, a, b in zip(("train", "validation", "test"), bounds[:-1], bounds[1:], strict=True)
    }
    return Corpus(parts, vocab, None)


@pytest.fixture(scope="module")
def reading() -> Reading:
    return read(corpus_of(power_tokens(0, 400_000), 2), LOOK)


@pytest.fixture(scope="module")
def page_of_words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Words of an alphabet of five, so that neighbours are correlated."""
    draws = stream(0, "words")
    words = ["".join(draws.choice(list("abcde"), size=n)) for n in draws.integers(2, 6, size=12)]
    path = tmp_path_factory.mktemp("text") / "words.txt"
    path.write_text(" ".join(draws.choice(words, size=4000)))
    return path


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple]:
    """Run the command with little work; its exit code, output and errors."""
    little = LOOK.model_copy(update={"longest": 4, "largest_lag": 16})
    monkeypatch.setattr(of_corpus, "EFFORTS", {"quick": little, "night": LOOK})
    monkeypatch.setattr("syntagma.studies.corpus_forecast.assumptions._LONGEST", 8)

    def go(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as leaving:
            main(["forecast", *arguments])
        said = capsys.readouterr()
        return int(str(leaving.value.code)), said.out, said.err

    return go


def test_a_known_power_law_is_found_and_extrapolated_to_the_horizon(reading: Reading) -> None:
    law = reading.text.decay.law
    assert law is not None
    assert law.low <= 0.8 <= law.high
    now, tenfold = reading.horizon(), reading.horizon(10)
    assert tenfold.value / now.value == pytest.approx(10 ** (1 / (2 * law.exponent)), rel=1e-6)
    noise = float(reading.text.floor.mean())
    assert np.exp(law.log_amplitude) * now.value**-law.exponent == pytest.approx(noise, rel=1e-6)


def test_each_line_is_said_once_and_the_verdict_last(reading: Reading) -> None:
    names = [name for name, _ in reading.lines()]
    assert names[-1] == "verdict"
    assert len(set(names)) == len(names)
    assert {"beta", "gamma", "H_inf", "alpha", "tenfold", "horizon", "Zipf", "Heaps", "symmetry"} <= set(names)
    assert dict(reading.lines())["verdict"].startswith(of_corpus.VERDICTS[reading.forecast.belief])


def test_the_figure_can_be_drawn(reading: Reading) -> None:
    assert len(reading_figure(reading).matplotlib()[1]) == 4


def test_independent_tokens_forecast_nothing() -> None:
    found = read(corpus_of(stream(0, "tokens").integers(5, size=60_000).astype(np.uint16), 5), LOOK)
    assert found.forecast.belief == "no"
    lines = dict(found.lines())
    assert lines["verdict"].startswith("do not believe it; 0 distances are clear of the sampling noise")
    assert lines["alpha"] == lines["tenfold"] == "not known, for the same reason"


def test_the_command_says_what_the_study_predicts(
    say: Callable[..., tuple], page_of_words: Path, tmp_path: Path
) -> None:
    """One function for both: the tables are the same, number by number."""
    code, out, _ = say(str(page_of_words), "--json", "--night")
    assert code == 0
    found = json.loads(out)
    Corpus.read(page_of_words).save(tmp_path / "corpus")
    changes = {"text": str(tmp_path / "corpus"), **LOOK.model_dump(), "length": 8, "sizes": [512, 1024, 4096]}
    changes |= {"learner": {"width": 8, "heads": 2, "layers": 1}, "training": {"max_steps": 20, "learning_rate": 0.02}}
    chosen = CorpusForecast.model_validate(changes)
    tables = machinery.predict(STUDY, chosen)
    for name in ("exponents", "correlations", "entropies", "pieces"):
        rows = tables[name].data.to_dict("records")
        assert [row.keys() for row in rows] == [row.keys() for row in found[name]]
        for row, said in zip(rows, found[name], strict=True):
            numbers = [(value, said[key]) for key, value in row.items() if isinstance(value, float)]
            assert all(theirs == ours or (theirs is None and not np.isfinite(ours)) for ours, theirs in numbers)
    assert found["corpus"]["parts"]["train"] == {"tokens": len(Corpus.read(page_of_words)["train"]), "documents": 1}


def test_every_kind_of_source_is_read(say: Callable[..., tuple], page_of_words: Path, tmp_path: Path) -> None:
    text = page_of_words.read_text()
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"\xef\xbb\xbf" + text.replace(" ", "\r\n").encode()))
    (tmp_path / "r.jsonl").write_text(
        "".join(json.dumps({"body": text[i : i + 500]}) + "\n" for i in range(0, 17_000, 340))
    )
    np.frombuffer(text.encode(), np.uint8).astype(np.uint16).tofile(tmp_path / "t.bin")
    code, out, _ = say(str(tmp_path / "a.txt.gz"))
    assert code == 0
    assert "line ends CR LF were made LF" in out
    assert "1 byte order mark was left out" in out
    code, out, _ = say(str(tmp_path / "r.jsonl"), "--field", "body", "--tokens", "char")
    assert code == 0
    assert "50 documents: whole documents were drawn for the parts" in out
    code, out, _ = say(str(tmp_path / "t.bin"), "--tokens", "uint16", "--vocab", "128", "--end-of-document", "32")
    assert code == 0
    assert "vocabulary 128" in out


def test_the_page_is_written_whole(say: Callable[..., tuple], page_of_words: Path, tmp_path: Path) -> None:
    code, out, _ = say(str(page_of_words), "--out", str(tmp_path / "made"))
    assert code == 0
    page = (tmp_path / "made" / "page.html").read_text()
    verdict = next(line for line in out.splitlines() if line.startswith("verdict")).removeprefix("verdict").strip()
    assert verdict.split(";")[0] in page
    assert "Zipf" in page
    assert "prediction" not in page.partition("<main")[2].partition("<figure")[0]
    assert sorted(file.name for file in (tmp_path / "made" / "figures").iterdir()) == ["forecast.pdf", "forecast.png"]
    assert str(tmp_path / "made" / "page.html") in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere.txt"], "nowhere.txt cannot be read"),
        (["no*where"], "has no files in it"),
        (["words.txt", "--tokens", "letters"], "tokens='letters' is unknown"),
        (["words.txt", "--tokens", "bpe:12"], "byte pairs have from 257"),
        (["words.txt", "--tokens", "uint16"], "vocab=None cannot be used"),
        (["words.txt", "--vocab", "many"], "vocab='many' cannot be used: it must be a whole number"),
        (["words.txt", "--field", "text"], "holds text, not records. Leave field out"),
        (["words.txt", "--out", "words.txt"], "it is a file"),
        (["words.txt", "--nigth"], "No such option: --nigth"),
        (["short.txt"], "source has 254 tokens in its part 'train', and a forecast needs 8,192 there"),
        (["records.jsonl"], "syntagma forecast --field body"),
        (["list.json", "--field", "body"], "list.json is JSON, not text. Give one record a line"),
        (["archive.tar.gz"], "archive.tar.gz is a tar archive. Unpack it, and give the folder"),
        ([], "SOURCE"),
    ],
)  # fmt: skip
def test_what_cannot_be_forecast_is_one_line_and_writes_nothing(
    say: Callable[..., tuple],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    page_of_words: Path,
    arguments: list[str],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("words.txt").write_text(page_of_words.read_text())
    Path("short.txt").write_text("to be or not " * 23)
    Path("records.jsonl").write_text('{"body": "all the words"}\n')
    Path("list.json").write_text('[{"body": "all the words"}]')
    Path("archive.tar.gz").write_bytes(gzip.compress(b"a.txt".ljust(257, b"\0") + b"ustar" + b"\0" * 1000))
    before = sorted(tmp_path.rglob("*"))
    code, out, err = say(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert says in err
    assert sorted(tmp_path.rglob("*")) == before


def test_frequent_tokens_are_kept_and_the_rest_is_one() -> None:
    windows = np.array([[5, 5, 5, 2], [2, 7, 5, 0]])
    coarse, kept = of_frequent_tokens(windows, 9, 3)
    assert kept == 3
    assert coarse.tolist() == [[0, 0, 0, 1], [1, 2, 0, 2]]
    same, number = of_frequent_tokens(windows, 9, 100)
    assert number == 9
    assert len(np.unique(same)) == 4


def test_symmetry_of_all_tokens_is_that_of_their_names_exchanged() -> None:
    """Where no token is left out, keeping the frequent ones only renames them."""
    windows = stream(0, "windows").integers(4, size=(600, 6))
    windows[:, 1::2] = windows[:, ::2]
    coarse, kept = of_frequent_tokens(windows, 4, 4)
    ours, theirs = measured_symmetry(coarse, kept, 10), measured_symmetry(windows, 4, 10)
    assert ours.fraction_between.value == pytest.approx(theirs.fraction_between.value, rel=1e-9)


def test_assumptions_of_tokens_whose_frequencies_are_known() -> None:
    """Zipf's exponent of drawn tokens; shuffled order is all symmetric, and one document too short for windows none."""
    ranks = np.arange(1, 201)
    law = ranks**-1.0 / (ranks**-1.0).sum()
    tokens = stream(0, "zipf").choice(200, size=60_000, p=law).astype(np.uint16)
    found = assumptions(corpus_of(tokens, 200))
    assert found.frequencies is not None
    assert found.frequencies.zipf.value == pytest.approx(1.0, abs=4 * found.frequencies.zipf.standard_error + 0.03)
    assert (found.window, found.kept) == (64, 16)
    short = assumptions(corpus_of(tokens[:1000], 200))
    assert [row["note"] for row in short.rows()][:2] == ["the text is too short"] * 2
    assert short.symmetry is None or short.window == 4
