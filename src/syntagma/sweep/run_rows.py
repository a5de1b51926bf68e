"""The rows of the table of runs, read whole or in part: see `rows`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from syntagma.errors import InputError
from syntagma.sweep.identity import canonical_text, id_of_text, is_id_of, json_text, run_id
from syntagma.sweep.rows import checksum_of, verified
from syntagma.sweep.stored_json import Damaged, mapping_of

_RUN_COLUMNS = "id, config, result, finished_at, environment, checksum"


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A finished run: its configuration, its metrics, when it finished (UTC), the hash of its environment."""

    TABLE: ClassVar[str] = "runs"
    NAME: ClassVar[str] = "id"
    CALLED: ClassVar[str] = "run"
    COLUMNS: ClassVar[str] = _RUN_COLUMNS

    id: str
    config: dict[str, Any]
    result: dict[str, Any]
    finished_at: str
    environment: str

    @staticmethod
    def written(
        config: Mapping[str, Any], result: Mapping[str, Any], finished_at: str, environment: str
    ) -> tuple[Any, ...]:
        """The row of a run.

        Raises:
            InputError: the configuration or the result is not what `identity` takes.
        """
        texts = (run_id(config), canonical_text(config), json_text(result), finished_at, environment)
        return (*texts, checksum_of(*texts))

    @classmethod
    def read(cls, row: Sequence[Any]) -> StoredRun:
        """The run in a row of `COLUMNS`."""
        identity, config, result, finished_at, environment = verified_run(row)
        return cls(
            identity, mapping_of(config, "configuration"), mapping_of(result, "result"), finished_at, environment
        )


@dataclass(frozen=True, slots=True)
class StoredResult:
    """The metrics of a finished run alone: its configuration is checked, but not read, in a third of the time."""

    TABLE: ClassVar[str] = "runs"
    NAME: ClassVar[str] = "id"
    CALLED: ClassVar[str] = "run"
    COLUMNS: ClassVar[str] = _RUN_COLUMNS

    id: str
    result: dict[str, Any]

    @classmethod
    def read(cls, row: Sequence[Any]) -> StoredResult:
        """The run in a row of `COLUMNS`."""
        identity, _, result, _, _ = verified_run(row)
        return cls(identity, mapping_of(result, "result"))


@dataclass(frozen=True, slots=True)
class StoredId:
    """That a run is finished, and the hash of its environment: both texts are checked, and neither read."""

    TABLE: ClassVar[str] = "runs"
    NAME: ClassVar[str] = "id"
    CALLED: ClassVar[str] = "run"
    COLUMNS: ClassVar[str] = _RUN_COLUMNS

    id: str
    environment: str

    @classmethod
    def read(cls, row: Sequence[Any]) -> StoredId:
        """The run in a row of `COLUMNS`."""
        identity, _, _, _, environment = verified_run(row)
        return cls(identity, environment)


def verified_run(row: Sequence[Any]) -> Sequence[str]:
    """The texts of a run's row without its checksum, which must be theirs, and whose id that of its configuration.

    Raises:
        Damaged: they are not.
    """
    texts = verified(row)
    check_id(*texts[:2])
    return texts


def check_id(identity: str, config: str) -> None:
    """Whether the id is that of a configuration's text.

    Raises:
        Damaged: it is not.
    """
    if id_of_text(config) != identity and not _is_id_of(identity, mapping_of(config, "configuration")):
        raise Damaged("its configuration is not that of its id")


def _is_id_of(identity: str, config: Mapping[str, Any]) -> bool:
    try:
        return is_id_of(identity, config)
    except InputError:
        return False
