"""Corpora of every form give the same documents; parts, windows, folders; and what cannot be read is one line."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from syntagma.errors import InputError
from syntagma.languages import Corpus, Text
from syntagma.languages.corpora import windows as windows_module
from syntagma.languages.corpora._documents import Notes, _cut, _text
from syntagma.languages.corpora._spool import Spool
from syntagma.languages.corpora.windows import CorpusWindows
from syntagma.languages.settings import AnyLanguage, CorpusSettings
from syntagma.languages.text import OTHER
from syntagma.randomness import stream
from syntagma.tasks import NextToken

DOCUMENTS = [f"the {n} cats\nsaw é and ü {'z' * n}" for n in range(30)]
SPLIT = {"validation_share": 0.1, "test_share": 0.2}


def text_of(corpus: Corpus, part: str) -> list[str]:
    """The documents of a part as text."""
    tokens, begins = corpus[part].tokens, corpus[part].documents.tolist()
    assert corpus.tokenizer is not None
    return [corpus.tokenizer.decode(tokens[a:b]) for a, b in zip(begins, [*begins[1:], len(tokens)], strict=True)]


def zstd(content: bytes) -> bytes:
    return pa.Codec("zstd").compress(content, asbytes=True)


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


PLAIN = "\n".join(DOCUMENTS).encode()
LINES = "\n".join(json.dumps({"id": i, "text": one}) for i, one in enumerate(DOCUMENTS)).encode()


def parquet(path: Path, **options) -> None:
    table = pa.table({"id": list(range(30)), "text": DOCUMENTS, "large": pa.array(DOCUMENTS, pa.large_string())})
    pq.write_table(table, path, row_group_size=7, **options)


def saved_dataset(folder: Path) -> None:
    """What Hugging Face's `save_to_disk` leaves."""
    folder.mkdir(parents=True)
    files = []
    for number, rows in enumerate((DOCUMENTS[:10], DOCUMENTS[10:])):
        name = f"data-{number:05d}-of-00002.arrow"
        table = pa.table({"id": list(range(len(rows))), "text": rows})
        with pa.OSFile(str(folder / name), "wb") as out, pa.ipc.new_stream(out, table.schema) as writer:
            writer.write_table(table, max_chunksize=4)
        files.append({"filename": name})
    (folder / "state.json").write_text(json.dumps({"_data_files": files, "_split": "train"}))


@pytest.mark.parametrize("tokens", ["char", "word"])
def test_records_of_every_form_are_the_same_corpus(tmp_path, tokens):
    (tmp_path / "a.jsonl").write_bytes(LINES)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(LINES[:900]) + gzip.compress(LINES[900:]))
    (tmp_path / "a.ndjson.xz").write_bytes(lzma.compress(LINES))
    (tmp_path / "a.jsonl.bz2").write_bytes(bz2.compress(LINES))
    (tmp_path / "no-ending").write_bytes(zstd(LINES[:900]) + zstd(LINES[900:]))
    half = LINES.index(b"\n", 900) + 1
    members = {"b/2.jsonl": LINES[half:], "b/1.jsonl.gz": gzip.compress(LINES[:half]), "__MACOSX/x": b"", "b/.x": b""}
    (tmp_path / "a.zip").write_bytes(zipped(members))
    parquet(tmp_path / "a.parquet")
    parquet(tmp_path / "b.parquet", compression="zstd")
    saved_dataset(tmp_path / "saved")
    saved_dataset(tmp_path / "both" / "train")
    (tmp_path / "both" / "dataset_dict.json").write_text('{"splits": ["train"]}')
    found = [
        Corpus.read(tmp_path / name, tokens, field="text", **SPLIT)
        for name in ("a.jsonl", "a.jsonl.gz", "a.ndjson.xz", "a.jsonl.bz2", "no-ending", "a.zip", "a.parquet",
                     "b.parquet", "saved", "both")
    ]  # fmt: skip
    found.append(Corpus.read(tmp_path / "b.parquet", tokens, field="large", **SPLIT))
    assert len({corpus.digest for corpus in found}) == 1
    parts = [text_of(found[0], part) for part in ("train", "validation", "test")]
    expected = DOCUMENTS if tokens == "char" else [" ".join(one.split()) for one in DOCUMENTS]
    seen = [one.replace(OTHER, "?") for part in parts for one in part]
    assert len(seen) == 30
    if tokens == "char":
        assert sorted(seen) == sorted(expected)
    assert all(part == sorted(part, key=lambda one: len(one)) for part in parts)  # the order of the source


def test_texts_of_every_form_are_the_same_corpus(tmp_path):
    folder = tmp_path / "texts"
    (folder / "b").mkdir(parents=True)
    (folder / "a.txt").write_bytes(DOCUMENTS[0].encode())
    (folder / "b" / "c.txt.gz").write_bytes(
        gzip.compress(b"\xef\xbb\xbf" + DOCUMENTS[1].replace("\n", "\r\n").encode())
    )
    (folder / "b" / "d").write_bytes(DOCUMENTS[2].replace("\n", "\r").encode())
    (folder / "e.bin").write_bytes(b"\0\1")
    (folder / ".hidden").write_bytes(b"hidden")
    (folder / "f.png").write_bytes(b"\x89PNG\xff")
    (folder / "g.txt").write_text(" \n")
    os.mkfifo(folder / "pipe")
    whole = Corpus.read(folder, **SPLIT)
    assert whole.notes == (
        "1 line ends CR LF were made LF",
        "1 line ends CR were made LF",
        "1 byte order mark was left out",
        "1 empty document was left out",
        "2 files that are no text were left out",
        "3 documents: the parts follow one another",
    )
    files = [folder / "a.txt", folder / "b" / "c.txt.gz", folder / "b" / "d"]
    listed = Corpus.read(files, **SPLIT)
    assert listed.digest == whole.digest
    globbed = Corpus.read(str(tmp_path / "t*" / "**" / "*[a-d]*"), **SPLIT)
    assert {len(globbed.parts), globbed.vocab} == {3, whole.vocab}
    separated = tmp_path / "one.txt"
    separated.write_text("<|end|>".join(["", *DOCUMENTS[:3], " "]))
    one = Corpus.read(separated, separator="<|end|>", **SPLIT)
    assert one.digest == whole.digest
    assert one.notes[0] == "2 empty documents were left out"


@given(st.binary(max_size=60), st.integers(1, 9))
@settings(max_examples=200)
def test_chunks_decode_as_the_whole(content, size):
    content = content.replace(b"\0", b"\r").replace(b"\x80", b"\r\n")
    try:
        expected = content.decode().removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        with pytest.raises(InputError, match=f"x is not text in UTF-8: byte {error.start} cannot be"):
            list(_text([content[i : i + size] for i in range(0, len(content), size)], "x", Notes()))
        return
    if content.startswith(b"\xef\xbb\xbf") and size < 3:
        return  # chunks of a megabyte hold the mark
    found = _text([content[i : i + size] for i in range(0, len(content), size)], "x", Notes())
    assert "".join(found) == expected


@given(st.lists(st.text("ab<>", max_size=12), min_size=1, max_size=8), st.integers(1, 5))
@settings(max_examples=100)
def test_separators_may_straddle_chunks(documents, size):
    text = "<->".join(documents)
    found: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("syntagma.languages.corpora._documents._CHUNK", 2)
        for piece, begins in _cut([text[i : i + size] for i in range(0, len(text), size)] or [""], "<->"):
            found = [*found, piece] if begins else [*found[:-1], found[-1] + piece]
    assert found == text.split("<->")


@given(
    st.lists(st.text("aé中😀 \n", min_size=1, max_size=40).filter(str.strip), min_size=1, max_size=5),
    st.floats(0, 0.5), st.floats(0, 0.45), st.booleans(), st.integers(4, 30),
)  # fmt: skip
@settings(deadline=None, max_examples=100)
def test_cut_parts_are_the_text_in_order(documents, validation, test, whole_words, chunk):
    """Pieces of any size, at any place, give back the text; characters are cut where `Text` cuts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("syntagma.languages.corpora._spool._CHUNK", chunk)
        spool = Spool.of(((one, True) for one in documents), Notes(), None)
        stretches, drawn = spool.split(validation, test, None, whole_words, 0)
        parts = ["".join(text for text, _ in spool.read(part, whole_words)) for part in stretches.values()]
        again = [text for text, _ in spool.read([(0, int(spool.begins[1]))], True)]
        spool.file.close()
    assert not drawn
    text = "".join(documents)
    assert "".join(parts) == text
    if not whole_words:
        from syntagma.languages.text import part_bounds

        bounds = part_bounds(len(text), validation, test)
        assert parts == [text[slice(*bounds[part])] for part in ("train", "validation", "test")]
    assert "".join(again) == documents[0]


def test_words_are_not_cut_between_pieces_or_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("syntagma.languages.corpora._spool._CHUNK", 64)
    words = [f"word{n}" for n in stream(0, "words").integers(100, size=2000)]
    (tmp_path / "a.txt").write_text(" ".join(words))
    corpus = Corpus.read(tmp_path / "a.txt", "word", **SPLIT)
    found = [corpus.tokenizer.names[token] for part in corpus.parts.values() for token in part.tokens]
    assert found == words
    assert [len(part) for part in corpus.parts.values()] == pytest.approx([1400, 200, 400], abs=20)


def test_characters_of_one_file_are_those_of_text(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("".join(stream(0, "text").choice(list("abé 中\n"), size=5000)), newline="")
    corpus = Corpus.read(path, vocab=5, **SPLIT)
    for part in ("train", "validation", "test"):
        text = Text.read(path, 4, vocab=5, part=part, **SPLIT)
        np.testing.assert_array_equal(corpus[part].tokens, text.tokens)
        assert corpus.tokenizer.names == text.names
        np.testing.assert_array_equal(corpus.windows(part, 4).windows, text.windows)
        for distinct in (False, True):
            ours = corpus.windows(part, 4, distinct=distinct).sample(3, 20).tokens
            theirs = Text.read(path, 4, vocab=5, part=part, distinct=distinct, **SPLIT).sample(3, 20).tokens
            np.testing.assert_array_equal(ours, theirs)


def test_documents_are_drawn_by_size_and_seed(tmp_path):
    lengths = stream(0, "lengths").integers(20, 400, size=300)
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps({"t": f"{i:03d}" + "x" * n}) for i, n in enumerate(lengths)))
    corpus, again, other = (Corpus.read(tmp_path / "a.jsonl", field="t", seed=seed, **SPLIT) for seed in (0, 0, 1))
    assert corpus.notes == ("300 documents: whole documents were drawn for the parts",)
    assert corpus.digest == again.digest != other.digest
    total = sum(map(len, corpus.parts.values()))
    for part, share in (("validation", 0.1), ("test", 0.2)):
        assert len(corpus[part]) == pytest.approx(share * total, abs=400)
        assert text_of(corpus, part) == sorted(text_of(corpus, part))
    numbers = [int(one[:3]) for part in corpus.parts for one in text_of(corpus, part)]
    assert sorted(numbers) == list(range(300))
    cut = Corpus.read(tmp_path / "a.jsonl", field="t", by_document=False, **SPLIT)
    assert cut.notes == ("300 documents: the parts follow one another",)
    assert [int(one[:3]) for part in cut.parts for one in text_of(cut, part) if one[:3].isdigit()] == list(range(300))


def test_large_documents_stay_in_the_training_part(tmp_path):
    for n in range(60):
        (tmp_path / f"{n:02d}.txt").write_text(f"{n:02d}" + "x" * (5000 if n == 30 else 100))
    for seed in range(5):
        corpus = Corpus.read(tmp_path, seed=seed, **SPLIT)
        assert len(corpus["train"].documents) < 60
        assert any(one.startswith("30") for one in text_of(corpus, "train"))


def test_the_library_of_python_is_a_corpus_everywhere():
    corpus = Corpus.read("stdlib", max_bytes=2**27)
    assert sum(map(len, corpus.parts.values())) > 3_000_000
    assert corpus.notes[-1].endswith("whole documents were drawn for the parts")
    assert corpus.digest == Corpus.read("stdlib").digest
    with pytest.raises(InputError, match="field='text' cannot be used: source='stdlib' is programs, not records"):
        Corpus.read("stdlib", field="text")


@pytest.mark.parametrize("kind", ["uint16", "uint32"])
def test_token_files(tmp_path, kind):
    tokens = stream(0, "tokens").integers(1, 300, size=1000).astype(kind)
    tokens[[99, 500, 801, 999]] = 0
    tokens.tofile(tmp_path / "a.bin")
    np.save(tmp_path / "a.npy", tokens.astype(np.int64))
    header = np.zeros(256, np.int32)
    header[:3] = 20240520, 1, 1000
    (tmp_path / "llmc.bin").write_bytes(header.tobytes() + tokens.tobytes())
    plain = Corpus.read(tmp_path / "a.bin", kind, vocab=300, **SPLIT)
    assert [len(part) for part in plain.parts.values()] == [700, 100, 200]
    assert plain.tokenizer is None
    assert isinstance(plain["train"].tokens, np.memmap)
    np.testing.assert_array_equal(np.concatenate([part.tokens for part in plain.parts.values()]), tokens)
    for name in ("a.npy", "llmc.bin"):
        assert Corpus.read(tmp_path / name, kind, vocab=300, **SPLIT).digest == plain.digest
    whole = Corpus.read(tmp_path / "a.bin", kind, vocab=300, end_of_document=0, **SPLIT)
    assert [len(part) for part in whole.parts.values()] == [700, 100, 200]  # no part is left empty
    assert [part.documents.tolist() for part in whole.parts.values()] == [[0, 100, 501], [0], [0, 2]]
    tokens[29::30] = 0
    tokens.tofile(tmp_path / "a.bin")
    nearest = Corpus.read(tmp_path / "a.bin", kind, vocab=300, end_of_document=0, **SPLIT)
    assert [len(part) for part in nearest.parts.values()] == [690, 112, 198]  # 700 and 800, at ends of documents
    assert nearest["validation"].documents.tolist() == [0, 30, 60, 90]


def test_a_folder_of_token_files_has_its_parts_already(tmp_path):
    tokens = np.arange(100, dtype=np.uint16)
    tokens.tofile(tmp_path / "train.bin")
    tokens[:30].tofile(tmp_path / "val.bin")
    two = Corpus.read(tmp_path, "uint16", vocab=100, validation_share=0.2)
    assert [part.tokens.tolist() for part in two.parts.values()] == [
        list(range(80)), list(range(80, 100)), list(range(30)),
    ]  # fmt: skip
    tokens[:20].tofile(tmp_path / "test.bin")
    three = Corpus.read(tmp_path, "uint16", vocab=100)
    assert [len(part) for part in three.parts.values()] == [100, 30, 20]


def test_byte_pairs(tmp_path):
    pytest.importorskip("tokenizers")
    path = tmp_path / "a.txt"
    path.write_text(" ".join(stream(0, "words").choice(["lower", "low", "newest", "wider", "é中"], size=4000)))
    corpus = Corpus.read(path, "bpe:300", **SPLIT)
    assert 257 <= corpus.vocab <= 300
    assert "".join(text_of(corpus, part)[0] for part in ("train", "validation", "test")) == path.read_text()
    assert sum(map(len, corpus.parts.values())) < 0.5 * len(path.read_text())
    assert Corpus.read(path, "bpe:300", **SPLIT).digest == corpus.digest
    file = tmp_path / "tokenizer.json"
    file.write_text(json.dumps(corpus.tokenizer.description()["tokenizer"]))
    assert Corpus.read(path, str(file), **SPLIT).digest == corpus.digest
    assert (
        Corpus.open(corpus.save(tmp_path / "saved")).tokenizer.decode(corpus["test"].tokens)
        == text_of(corpus, "test")[0]
    )
    file.write_text("{}")
    with pytest.raises(InputError, match=r"tokenizer.json is no tokenizer of the package tokenizers"):
        Corpus.read(path, str(file))


def test_byte_pairs_without_the_package_are_one_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    (tmp_path / "a.txt").write_text("words")
    with pytest.raises(
        InputError, match=r"the package tokenizers is missing. Install it: pip install 'syntagma\[bpe\]'"
    ):
        Corpus.read(tmp_path / "a.txt", "bpe:300")


def test_data_sets_by_name(tmp_path, monkeypatch):
    """By the library itself, of a folder that it loads, and of a folder that it saved."""
    datasets = pytest.importorskip("datasets")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "train.jsonl").write_bytes(LINES)
    (tmp_path / "a.jsonl").write_bytes(LINES)
    expected = Corpus.read(tmp_path / "a.jsonl", field="text", **SPLIT)
    assert Corpus.read(f"hf:{tmp_path / 'rows'}", field="text", **SPLIT).digest == expected.digest
    rows = datasets.load_dataset("json", data_files=str(tmp_path / "a.jsonl"), split="train")
    rows.save_to_disk(str(tmp_path / "saved"))
    datasets.DatasetDict({"train": rows, "test": rows}).save_to_disk(str(tmp_path / "both"))
    for name, split in (("saved", "train"), ("both", "test")):
        assert Corpus.read(tmp_path / name, field="text", split=split, **SPLIT).digest == expected.digest
    with pytest.raises(InputError, match=r"field='body' cannot be used: of hf:.* its fields with text are text"):
        Corpus.read(f"hf:{tmp_path / 'rows'}", field="body")
    with pytest.raises(InputError, match=r"cannot be loaded: .* Check its name and split='none'") as caught:
        Corpus.read(f"hf:{tmp_path / 'rows'}", field="text", split="none")
    assert "\n" not in str(caught.value)


def test_data_sets_without_the_package_are_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match=r"source='hf:stories' .* datasets is missing. Install it: pip install 'synt"):
        Corpus.read("hf:stories", field="text")


def test_a_corpus_is_saved_and_opened(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(LINES)
    for tokens in ("char", "word"):
        corpus = Corpus.read(tmp_path / "a.jsonl", tokens, field="text", **SPLIT)
        folder = corpus.save(tmp_path / tokens)
        for verify in (False, True):
            again = Corpus.open(folder, verify=verify)
            assert (again.digest, again.vocab, again.notes) == (corpus.digest, corpus.vocab, corpus.notes)
            assert again.tokenizer.names == corpus.tokenizer.names
            for part in corpus.parts:
                np.testing.assert_array_equal(again[part].tokens, corpus[part].tokens)
                np.testing.assert_array_equal(again[part].documents, corpus[part].documents)
    with pytest.raises(InputError, match=r"directory='.*char' cannot be used: it is there already. Name a new folder"):
        corpus.save(tmp_path / "char")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "char", "word"]


def test_damage_to_a_saved_corpus_is_one_line_or_nothing(tmp_path):
    """150 random edits: the same corpus, other tokens that are seen by their digest, or one line; never a traceback."""
    (tmp_path / "a.jsonl").write_bytes(LINES)
    corpus = Corpus.read(tmp_path / "a.jsonl", field="text", **SPLIT)
    folder = corpus.save(tmp_path / "saved")
    files = sorted(folder.iterdir())
    originals = {file: file.read_bytes() for file in files}
    generator = stream(0, "edits")
    refused = 0
    for number in range(150):
        file = files[number % len(files)]
        content = bytearray(originals[file])
        for place in generator.integers(len(content), size=3):
            content[place] = generator.integers(256)
        if number % 5 == 0:
            content = content[: generator.integers(len(content))]
        file.write_bytes(content)
        said = []
        try:
            assert Corpus.open(folder, verify=True).digest == corpus.digest
        except InputError as error:
            said.append(str(error))
            refused += 1
        try:
            Corpus.open(folder).windows("train", 4).sample(0, 50)
        except InputError as error:
            said.append(str(error))
        assert not any("\n" in line for line in said)
        file.write_bytes(originals[file])
    assert refused > 100


def test_settings_of_a_saved_corpus(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(LINES)
    Corpus.read(tmp_path / "a.jsonl", field="text", **SPLIT).save(tmp_path / "saved")
    made = CorpusSettings.of_directory(str(tmp_path / "saved"), 6, part="test", stride=2)
    assert TypeAdapter(AnyLanguage).validate_json(made.model_dump_json()) == made
    language = made.language()
    assert isinstance(language, CorpusWindows)
    examples = NextToken().examples(language.sample(0, 5), language, 0)
    assert examples.inputs.shape == (5, 6)
    with pytest.raises(InputError, match=r"digest='ab' cannot be used: .*saved has another corpus in it, with digest"):
        made.model_copy(update={"digest": "ab"}).language()
    with pytest.raises(
        InputError, match=r"corpus.json cannot be read: no such file or directory. Give the folder that"
    ):
        CorpusSettings.of_directory(str(tmp_path / "nothing"), 6)


def test_windows_stay_within_documents_unless_they_may_not(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("|".join(["abcdefg", "hi", "jklm"]))
    corpus = Corpus.read(tmp_path / "a.txt", separator="|", validation_share=0, test_share=0)

    def shown(**options) -> list[str]:
        found = corpus.windows("train", 3, **options)
        assert len(found) == len(found.windows)
        return [corpus.tokenizer.decode(row) for row in found.windows]

    assert shown() == ["abc", "def", "jkl"]
    assert shown(stride=2) == ["abc", "cde", "efg", "jkl"]
    assert shown(stride=1)[-2:] == ["jkl", "klm"]
    assert shown(across_documents=True) == ["abc", "def", "ghi", "jkl"]
    windows = corpus.windows("train", 3, stride=1, distinct=True)
    drawn = [corpus.tokenizer.decode(row) for row in windows.sample(0, 7).tokens]
    assert sorted(drawn) == sorted(shown(stride=1))
    monkeypatch.setattr(windows_module, "_PERMUTED", 3)
    rare = [corpus.tokenizer.decode(row) for row in windows.sample(0, 7).tokens]
    assert sorted(rare) == sorted(drawn)
    assert [corpus.tokenizer.decode(row) for row in windows.sample(0, 4).tokens] == rare[:4]
    counts = np.bincount(
        [shown().index(corpus.tokenizer.decode(row)) for row in corpus.windows("train", 3).sample(1, 3000).tokens]
    )
    assert (np.abs(counts - 1000) < 110).all()


TOKENS = {"source": "tokens.bin", "tokens": "uint16", "vocab": 100}
RECORDS = {"source": "a.jsonl", "field": "text"}
BAD = {
    "missing": (
        {"source": "none.txt"},
        "none.txt cannot be read: no such file or directory. Give a text file, or a fol",
    ),
    "pipe": ({"source": "pipe"}, "pipe cannot be read: is a named pipe"),
    "device": ({"source": "/dev/zero"}, "/dev/zero cannot be read: is a device"),
    "nul in the name": ({"source": "a\0b"}, "no file can have such a name"),
    "empty name": ({"source": ""}, "'' cannot be read"),
    "empty folder": ({"source": "empty"}, "empty has no files in it. Give a folder or a pattern"),
    "empty pattern": ({"source": "none*.txt"}, r"none\*.txt has no files in it"),
    "no source": ({"source": None}, "source=None cannot be used: it is a file, a folder, a pattern, 'stdlib'"),
    "no sources": ({"source": []}, "source of 0 files has no text in it"),
    "white space": ({"source": "blank.txt"}, "blank.txt has no text in it"),
    "latin": ({"source": "latin.txt"}, "latin.txt is not text in UTF-8: byte 3 cannot be. Convert the file."),
    "tokens": (
        {"source": "tokens.bin"},
        r"tokens.bin is a file of tokens by its name. Corpus.read\(FILE, tokens='uint16'",
    ),
    "tokens by nul": ({"source": "tokens.txt"}, "tokens.txt is no text: NUL bytes are in it"),
    "late nul": ({"source": "late.txt"}, "late.txt is no text: NUL bytes are in it"),
    "records": ({"source": "a.jsonl"}, r"a.jsonl is records of JSON, not text. Corpus.read\(FILE, field='text'\)"),
    "compressed records": ({"source": "a.jsonl.gz"}, "a.jsonl.gz is records of JSON, not text"),
    "json": ({"source": "a.json"}, "a.json is JSON, not text. Give one record a line"),
    "field": (
        {"source": "a.jsonl", "field": "body"},
        "field='body' cannot be used: it is missing in .*a.jsonl: record 1, whe",
    ),
    "field of number": (
        {"source": "a.jsonl", "field": "id"},
        "field='id' cannot be used: it is no text in .* text are text",
    ),
    "field of text": (
        {"source": "good.txt", "field": "text"},
        "field='text' cannot be used: .*good.txt holds text, not re",
    ),
    "field empty": ({"source": "a.jsonl", "field": ""}, "field=''"),
    "field with separator": (RECORDS | {"field": "text", "separator": "x"}, "separator='x' .* documents are the r"),
    "cut json": (
        {"source": "cut.jsonl", "field": "text"},
        "cut.jsonl: record 2 is no JSON; the file may have been cut",
    ),
    "deep json": ({"source": "deep.jsonl", "field": "text"}, "deep.jsonl: record 1 is (nested too deep|no JSON)"),
    "list": ({"source": "list.jsonl", "field": "text"}, "list.jsonl: record 1 has no fields"),
    "table": (
        {"source": "a.parquet"},
        "field=None cannot be used: .*a.parquet is a table, and its columns with text are tex",
    ),
    "column": (
        {"source": "a.parquet", "field": "id"},
        "field='id' cannot be used: it is no column of text in .*a.parquet",
    ),
    "cut table": ({"source": "cut.parquet", "field": "text"}, "cut.parquet is no whole Parquet table"),
    "zipped table": (
        {"source": "table.zip", "field": "text"},
        "a.parquet is a compressed Parquet table. Unpack it first",
    ),
    "cut gzip": ({"source": "cut.gz"}, "cut.gz is damaged or cut short: .*. Restore it."),
    "cut xz": ({"source": "cut.xz"}, "cut.xz is damaged or cut short"),
    "cut bz2": ({"source": "cut.bz2"}, "cut.bz2 is damaged or cut short"),
    "cut zst": ({"source": "cut.zst"}, "cut.zst is damaged or cut short"),
    "cut zip": ({"source": "cut.zip"}, "cut.zip is damaged or cut short"),
    "wrong gzip": ({"source": "wrong.gz"}, "wrong.gz is damaged or cut short"),
    "tar": ({"source": "a.tar.gz"}, "a.tar.gz is no text: NUL|tar archive"),
    "plain tar": ({"source": "a.tar"}, "a.tar is a tar archive. Unpack it, and give the folder."),
    "bomb": (
        {"source": "bomb.gz", "max_bytes": 2**20},
        "bomb.gz and what was read before it have more than 1048576 bytes",
    ),
    "too large": (
        {"source": "good.txt", "max_bytes": 10},
        "good.txt and what was read before it have more than 10 bytes",
    ),
    "no bytes": ({"max_bytes": 0}, "max_bytes=0"),
    "scheme": ({"tokens": "letters"}, "tokens='letters' is unknown: there are bpe:SIZE, char"),
    "no scheme": ({"tokens": None}, "tokens='None' is unknown"),
    "bpe size": ({"tokens": "bpe:many"}, "tokens='bpe:many' cannot be used: byte pairs have from 257 to"),
    "bpe small": ({"tokens": "bpe:10"}, "tokens='bpe:10'"),
    "tokenizer": ({"tokens": "none.json"}, "none.json cannot be read: no such file|package tokenizers is missing"),
    "vocab": ({"vocab": 1}, "vocab=1 cannot be used: it must be at least 2"),
    "shares": ({"validation_share": 0.5, "test_share": 0.5}, "validation_share=0.5"),
    "share": ({"test_share": 1}, "test_share=1"),
    "no validation": (
        {"source": "tiny.txt"},
        "validation_share=0.05 cannot be used: of 4 characters in 1 documents none",
    ),
    "by document": ({"by_document": "yes"}, "by_document='yes'"),
    "seed": ({"seed": -1}, "seed=-1"),
    "split": ({"split": 3}, "split=3"),
    "end of document": ({"end_of_document": 0}, "end_of_document=0 cannot be used: it is of token files"),
    "scratch": (
        {"scratch": "nowhere"},
        "scratch='nowhere' cannot be used: temporary files cannot be written, no such file",
    ),
    "no vocab": (
        {"source": "tokens.bin", "tokens": "uint16"},
        "vocab=None cannot be used: tokens='uint16' are numbers bel",
    ),
    "small vocab": (TOKENS | {"vocab": 50}, "tokens.bin: tokens=.* tokens are 0 to 49"),
    "large vocab": (TOKENS | {"vocab": 65537}, "numbers of type uint16 are below 65536"),
    "odd size": ({"source": "odd.bin", "tokens": "uint16", "vocab": 9}, "odd.bin has 3 bytes, not a multiple of 2"),
    "no tokens": ({"source": "zero.bin", "tokens": "uint16", "vocab": 9}, "zero.bin has 0 bytes"),
    "object array": ({"source": "object.npy", "tokens": "uint16", "vocab": 9}, "object.npy is no whole array of NumPy"),
    "square array": (
        {"source": "square.npy", "tokens": "uint16", "vocab": 9},
        "square.npy must hold one line of whole n",
    ),
    "folder of tokens": (
        {"source": "empty", "tokens": "uint16", "vocab": 9},
        "empty has no train.bin beside a val.bin",
    ),
    "two token files": (
        {"source": ["tokens.bin"], "tokens": "uint16", "vocab": 100},
        "source=.* are read one at a time",
    ),
    "token field": (TOKENS | {"vocab": 100, "field": "x"}, "field='x' .* has no text"),
    "end outside": (TOKENS | {"vocab": 100, "end_of_document": 100}, "end_of_document="),
    "split missing": (
        {"source": "both", "field": "text", "split": "dev"},
        "split='dev' cannot be used: .*both has train",
    ),
    "arrow missing": ({"source": "half", "field": "text"}, "data.arrow cannot be read: no such file"),
    "arrow damaged": ({"source": "damaged", "field": "text"}, "data.arrow is no whole Arrow stream"),
}


@pytest.fixture(scope="module")
def bad_files(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("bad")
    os.mkfifo(root / "pipe")
    (root / "empty").mkdir()
    random = stream(0, "bytes").bytes(4000)
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"), io.BytesIO(b""))
    objects = io.BytesIO()
    np.save(objects, np.array([{}], object), allow_pickle=True)
    square = io.BytesIO()
    np.save(square, np.zeros((2, 2), int))
    parquet(root / "a.parquet")
    whole = (root / "a.parquet").read_bytes()
    files = {
        "good.txt": PLAIN, "blank.txt": b" \n\t", "latin.txt": b"caf\xe9", "tiny.txt": b"abcd",
        "tokens.bin": np.arange(100, dtype=np.uint16).tobytes(),
        "tokens.txt": np.arange(100, dtype=np.uint16).tobytes(),
        "late.txt": b"a" * (1 << 20) + b"\0", "a.jsonl": LINES, "a.jsonl.gz": gzip.compress(LINES), "a.json": b"[1]",
        "cut.jsonl": LINES[:100], "deep.jsonl": b'{"text":' + b"[" * 100_000, "list.jsonl": b"[1, 2]\n",
        "cut.parquet": whole[:-40], "table.zip": zipped({"a.parquet": whole}), "cut.gz": gzip.compress(random)[:-9],
        "cut.xz": lzma.compress(PLAIN)[:-20], "cut.bz2": bz2.compress(PLAIN)[:-20], "cut.zst": zstd(PLAIN)[:-20],
        "cut.zip": zipped({"a.txt": PLAIN})[:-30], "wrong.gz": gzip.compress(PLAIN)[:60] + b"\xff" * 400,
        "a.tar": tar.getvalue(), "a.tar.gz": gzip.compress(tar.getvalue()), "bomb.gz": gzip.compress(b"a" * (1 << 24)),
        "odd.bin": b"abc", "zero.bin": b"", "object.npy": objects.getvalue(), "square.npy": square.getvalue(),
    }  # fmt: skip
    for name, content in files.items():
        (root / name).write_bytes(content)
    (root / "both").mkdir()
    (root / "both" / "dataset_dict.json").write_text('{"splits": ["train"]}')
    for name in ("half", "damaged"):
        (root / name).mkdir()
        (root / name / "state.json").write_text('{"_data_files": [{"filename": "data.arrow"}]}')
    (root / "damaged" / "data.arrow").write_bytes(random)
    return root


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_is_one_line(bad_files, monkeypatch, name):
    monkeypatch.chdir(bad_files)
    arguments, message = BAD[name]
    with pytest.raises(InputError, match=message) as caught:
        Corpus.read(**{"source": "good.txt", **arguments})
    assert "\n" not in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda corpus: corpus["dev"], "part='dev' is unknown: there are test, train, validation"),
        (lambda corpus: corpus[0], "part='0' is unknown"),
        (lambda corpus: corpus.windows("train", 0), "sentence_length=0"),
        (
            lambda corpus: corpus.windows("train", 60),
            "sentence_length=60 .* Choose shorter windows, or across",
        ),
        (
            lambda corpus: corpus.windows("train", 10**6),
            "=1000000 .* Choose shorter windows or a longer",
        ),
        (lambda corpus: corpus.windows("train", 4, stride=0), "stride=0"),
        (lambda corpus: corpus.windows("train", 4).sample(-1, 2), "seed=-1"),
        (lambda corpus: corpus.windows("train", 4).sample(0, 0), "num_sentences=0"),
        (lambda corpus: corpus.windows("train", 4, distinct=True).sample(0, 10**6), "num_sentences=1000000 .* at most"),
        (lambda corpus: Corpus.open(3), "directory=3"),
        (lambda corpus: Corpus.open("a\0b"), "no file can have such a name"),
        (lambda corpus: corpus.save("a\0b"), "directory="),
    ],
)
def test_other_wrong_calls_are_one_line(tmp_path, call, message):
    (tmp_path / "a.jsonl").write_bytes(LINES)
    with pytest.raises(InputError, match=message) as caught:
        call(Corpus.read(tmp_path / "a.jsonl", field="text", **SPLIT))
    assert "\n" not in str(caught.value)


STREAMED = """
import resource, sys
import numpy as np
from syntagma.languages import Corpus
from syntagma.statistics.strengths import correlation_strengths
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
corpus = Corpus.read(sys.argv[1], "uint16", vocab=1000)
assert len(corpus["train"]) == 42_500_000
correlation_strengths(corpus["train"].tokens, corpus.vocab, [1], blocks=20)
corpus.windows("train", 64, stride=1).sample(0, 1000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_token_file_of_any_size_is_streamed(tmp_path):
    """50 million tokens, 100 MB, tiled: their statistics take the memory of a piece and its pairs."""
    tile = (stream(0, "tile").zipf(1.3, size=1_000_000) % 1000).astype(np.uint16).tobytes()
    with open(tmp_path / "large.bin", "wb") as file:
        for _ in range(50):
            file.write(tile)
    command = [sys.executable, "-c", STREAMED, str(tmp_path / "large.bin")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 350_000  # kB
