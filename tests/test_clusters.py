"""What docs/clusters.md says to shells and clusters can be read by them; nothing is run."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from syntagma.studies import BUILT_IN, load

PAGE = Path(__file__).parents[1] / "docs" / "clusters.md"
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
SHELL = [text for language, text in BLOCKS if language in ("bash", "sh")]


def read_by_bash(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([shutil.which("bash") or "bash", "-n"], input=text, capture_output=True, text=True)


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize("text", SHELL, ids=range(len(SHELL)))
def test_shells_can_read_it(text: str) -> None:
    done = read_by_bash(text)
    assert (done.returncode, done.stderr) == (0, "")
    assert read_by_bash(text + "\nif true; then\n").returncode != 0


@pytest.mark.parametrize("text", [text for text in SHELL if "#SBATCH" in text], ids=["array", "ray"])
def test_jobs_begin_with_what_slurm_reads(text: str) -> None:
    first, *lines = text.splitlines()
    assert first == "#!/usr/bin/env bash"
    options = [line for line in lines if line.startswith("#SBATCH")]
    assert lines[: len(options)] == options  # SLURM reads none that come after the first command
    assert all(re.fullmatch(r"#SBATCH --[a-z-]+(=\S+)?", line) for line in options)
    assert lines[len(options)] == "set -euo pipefail"


def test_every_shard_of_the_array_is_done() -> None:
    (text,) = (text for text in SHELL if "--array" in text)
    last, shards = re.search(r"--array=1-(\d+)", text), re.search(r"^shards=(\d+)", text, re.MULTILINE)
    assert last is not None
    assert shards is not None
    assert last[1] == shards[1]


def test_shards_are_of_studies_that_take_them() -> None:
    studies = re.findall(r"syntagma run (\S+) .*--shard", PAGE.read_text())
    assert len(studies) == 3
    assert [name for name in studies if load(name).expected is not None] == []
    text = PAGE.read_text().replace("\n", " ")
    named = re.search(r"Three studies, `(\S+)`, `(\S+)` and `(\S+)`, .* refuse `--shard`", text)
    assert named is not None
    assert set(named.groups()) == {name for name in BUILT_IN if load(name).expected is not None}


def test_kubernetes_can_read_it() -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML comes with the extra `ray`")
    (text,) = (text for language, text in BLOCKS if language == "yaml")
    job = yaml.safe_load(text)
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    cluster = job["spec"]["rayClusterSpec"]
    head, (workers,) = cluster["headGroupSpec"], cluster["workerGroupSpecs"]
    assert {"rayStartParams", "template"} <= set(head) & set(workers)
    images = {group["template"]["spec"]["containers"][0]["image"] for group in (head, workers)}
    assert len(images) == 1
    mounted = head["template"]["spec"]["containers"][0]["volumeMounts"][0]
    assert mounted["name"] in [volume["name"] for volume in head["template"]["spec"]["volumes"]]
    assert f"--out {mounted['mountPath']}/" in job["spec"]["entrypoint"]
    assert workers["minReplicas"] <= workers["replicas"] <= workers["maxReplicas"]


def test_ray_has_the_same_version_everywhere() -> None:
    pinned = re.search(r"^ray==(\S+)", (PAGE.parents[1] / "constraints.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    page = PAGE.read_text()
    assert re.findall(r"rayproject/ray:([\d.]+)-|rayVersion: \"([\d.]+)\"", page) == [(pinned[1], ""), ("", pinned[1])]
