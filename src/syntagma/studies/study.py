"""What every study is: a declared grid of languages and learners, a theory, and verdicts computed from intervals."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    import pandas as pd

    from syntagma.sweep.store import Store


class Settings(BaseModel):
    """All that determines a study's results; one to one with TOML and `--set key=value`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


Outcome = Literal["agrees", "disagrees", "open", "finding"]


@dataclass(frozen=True)
class Verdict:
    """One claim of a paper beside what was measured.

    `outcome` is computed from the interval: "agrees" if it holds the prediction, "disagrees" if it excludes it,
    "open" if the measurement could not be made (the text says why), "finding" where no prediction exists.
    """

    claim: str
    predicted: str
    measured: str
    outcome: Outcome
    source: str


@dataclass(frozen=True)
class Analysis:
    """A study's stored results, reduced to what is drawn and said: tables by name, verdicts, where they come from."""

    study: str
    title: str
    tables: Mapping[str, pd.DataFrame]
    verdicts: tuple[Verdict, ...]
    provenance: Mapping[str, Any] = field(default_factory=dict)


SettingsT = TypeVar("SettingsT", bound=Settings)
Progress = Callable[[str, float], None]
"""Called with a line of text and the fraction done, in [0, 1]."""


class Study(abc.ABC, Generic[SettingsT]):
    """A study: `name`, the `paper` it tests, its `presets`, and the three steps predict -> run -> analyse."""

    name: str
    title: str
    paper: str
    presets: Mapping[str, SettingsT]

    @abc.abstractmethod
    def predict(self, settings: SettingsT) -> Mapping[str, pd.DataFrame]:
        """What theory says before any training: tables by name."""

    @abc.abstractmethod
    def run(self, settings: SettingsT, store: Store, workers: int, progress: Progress) -> None:
        """Run what `store` does not hold yet; each finished run is stored at once."""

    @abc.abstractmethod
    def analyse(self, store: Store) -> Analysis:
        """Reduce stored results; nothing is trained, sampled or drawn."""
