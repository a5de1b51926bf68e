"""What changes bits is recorded beside every result, and said where results of several such settings stand together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import pytest

from syntagma.errors import InputError
from syntagma.extensions import module_of_file, sources
from syntagma.sweep.environment import differences, environment, own_code, xla_flags
from syntagma.sweep.store import Store

SHOW = "import json; from syntagma.sweep.environment import environment; print(json.dumps(environment()))"


def environment_with(**variables: str) -> dict[str, Any]:
    """What a process with those variables records."""
    names = ("JAX_ENABLE_X64", "JAX_DEFAULT_MATMUL_PRECISION", "XLA_FLAGS")
    rest = {name: value for name, value in os.environ.items() if name not in names}
    return json.loads(subprocess.run([sys.executable, "-c", SHOW], env=rest | variables, capture_output=True).stdout)


def test_variables_that_change_bits_are_recorded():
    usual = environment_with()
    assert usual["settings"] == {
        "enable_x64": False, "default_matmul_precision": None, "default_prng_impl": "threefry2x32",
        "threefry_partitionable": True, "disable_jit": False, "xla_flags": "",
    }  # fmt: skip
    assert usual["machine"]["device"] == "cpu"
    assert usual["machine"]["devices"] == 1
    flags = "--xla_cpu_enable_fast_math=true --xla_force_host_platform_device_count=2"
    other = environment_with(JAX_ENABLE_X64="1", JAX_DEFAULT_MATMUL_PRECISION="highest", XLA_FLAGS=flags)
    assert differences([usual, other]) == {
        "machine.devices": [1, 2],
        "settings.enable_x64": [False, True],
        "settings.default_matmul_precision": [None, "highest"],
        "settings.xla_flags": ["", "--xla_cpu_enable_fast_math=true"],
    }


def test_no_device_is_one_line(monkeypatch: pytest.MonkeyPatch):
    def none() -> None:
        raise RuntimeError("Unable to initialize backend 'tpu'.\nMore of it.")

    monkeypatch.setattr(jax, "devices", none)
    with pytest.raises(InputError, match=r"^JAX finds no device: Unable .* backend 'tpu'\. Change or unset JAX"):
        environment()


def test_what_the_program_set_is_recorded_too():
    with jax.default_matmul_precision("highest"):
        inside = environment()["settings"]["default_matmul_precision"]
    assert inside == "highest" != environment()["settings"]["default_matmul_precision"]


def test_flags_are_compared_whatever_their_order_and_ours():
    assert xla_flags("--xla_b=1 --xla_a=2 --xla_b=3") == "--xla_a=2 --xla_b=3" == xla_flags(" --xla_b=3   --xla_a=2 ")
    assert xla_flags("--xla_cpu_multi_thread_eigen=false --xla_dump_to=/home/me --xla_gpu_cuda_data_dir=/usr") == ""


def test_what_does_not_change_bits_or_was_not_recorded_is_no_difference():
    here = environment()
    more = {part: dict(values) for part, values in here.items()}
    more["machine"]["cores"] = 1000
    more["versions"]["python"] = "3.99"
    older = {part: here[part] for part in ("machine", "versions")}
    older["machine"] = {name: older["machine"][name] for name in ("processor", "cores", "platform")}
    assert differences([here, more, older]) == {}


@pytest.fixture
def store(tmp_path: Path):
    with Store.create(tmp_path) as store:
        here = environment()
        for seed, precision in enumerate((None, None, "highest")):
            settings = here["settings"] | {"default_matmul_precision": precision}
            store.record_run({"seed": seed}, {"test_loss": 0.5}, here | {"settings": settings})
        yield store


def test_a_table_that_mixes_environments_says_so(store: Store):
    first, second, third = store.results()
    assert store.mixed_environments([first, second]) == store.mixed_environments([]) == ""
    line = "results come from environments that may give other bits: settings.default_matmul_precision None and highest"
    assert line in store.mixed_environments()
    assert line in store.mixed_environments([first, third])
    assert len(store.environments()) == 2


def test_a_resume_that_would_mix_environments_is_told(store: Store):
    first, second, third = store.results()
    assert store.mixed_environments([first, second], here=True) == ""
    assert "settings.default_matmul_precision highest and None" in store.mixed_environments([third], here=True)
    assert store.mixed_environments([], here=True) == ""


def test_modules_that_a_file_imports_from_beside_it_are_known_too(tmp_path: Path):
    (tmp_path / "beside_mine.py").write_text("WIDTH = 1\n")
    (tmp_path / "not_imported.py").write_text("WIDTH = 1\n")
    (tmp_path / ".venv" / "site-packages").mkdir(parents=True)
    (tmp_path / "mine_alone.py").write_text("import beside_mine\n")
    module_of_file(tmp_path / "mine_alone.py", "study")
    own = [Path(file).name for file in sources() if Path(file).parent == tmp_path]
    assert own == ["mine_alone.py", "beside_mine.py"]
    before = own_code(sources())["code"]
    (tmp_path / "beside_mine.py").write_text("WIDTH = 2\n")
    assert set(differences([{"code": before}, {"code": own_code(sources())["code"]}])) == {"code.beside_mine.py"}


def test_a_users_own_code_is_known_by_what_it_holds_and_its_commit(tmp_path: Path):
    def git(*arguments: str) -> str:
        who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        return subprocess.run(
            ["git", *who, "-C", str(tmp_path), *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()

    mine = tmp_path / "my_study.py"
    mine.write_text("STUDY = 1\n")
    before = own_code([mine])
    assert set(before) == {"code"}
    git("init", "-q")
    assert own_code([mine]) == before  # not kept yet
    git("add", "my_study.py")
    git("commit", "-qm", "first")
    first = own_code([mine])
    assert first == before | {"commits": {"my_study.py": git("rev-parse", "HEAD")}}
    git("commit", "-q", "--allow-empty", "-m", "elsewhere")
    assert differences([first, own_code([mine])]) == {}
    mine.write_text("STUDY = 2\n")
    changed = own_code([mine, tmp_path / "gone.py"])
    assert changed["commits"]["my_study.py"] == f"{git('rev-parse', 'HEAD')} and changes"
    assert set(differences([first, changed])) == {"code.my_study.py"}
    assert own_code([]) == {}
    odd = tmp_path / os.fsdecode(b"stud\xe9.py")
    odd.write_text("STUDY = 1\n")
    assert list(own_code([odd])["code"]) == [r"stud\xe9.py"]  # what is stored is text
