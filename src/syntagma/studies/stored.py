"""What a results file says of a study: the settings of its last command, and where its results come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from pydantic import ValidationError

from syntagma.errors import InputError
from syntagma.studies.study import Settings
from syntagma.sweep.identity import canonical_text

if TYPE_CHECKING:
    from syntagma.sweep.store import Store

Found = TypeVar("Found", bound=Settings)


def last_command(store: Store, study: str, kind: type[Found]) -> tuple[Found, dict[str, Any]]:
    """The settings of the last command given for `study`, and the provenance of what it made: what the page prints.

    Raises:
        InputError: the store holds no command of this study, or one whose settings this version does not know.
    """
    commands = store.commands()
    commands = commands[commands["study"] == study]
    if not len(commands):
        raise InputError(f"{store.path} holds no results of {study}: run `syntagma run {study}` into it first.")
    command = commands.iloc[-1]
    try:
        settings = kind.model_validate(command["settings"])
    except ValidationError:
        raise InputError(
            f"{store.path} has settings that this version does not know: run the study again into a new place."
        ) from None
    provenance = {
        "settings": settings.model_dump(mode="json"),
        "preset": command["preset"],
        "command": " ".join(command["argv"]),
        "seconds": float(np.nansum(np.asarray(commands["seconds"], float))),
        **store.environments()[command["environment"]],
    }
    return settings, provenance


class Facts:
    """A study's facts: exact statistics and predictions, computed once and kept in the store."""

    def __init__(self, store: Store, study: str) -> None:
        self._store, self._study = store, study
        self._known = {canonical_text(key): value for key, value in store.facts(study)}

    def get(self, key: Mapping[str, Any]) -> dict[str, Any] | None:
        """The fact stored under `key`, or None."""
        return self._known.get(canonical_text(key))

    def settle(self, key: Mapping[str, Any], compute: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
        """The fact stored under `key`; computed and stored where there is none yet."""
        text = canonical_text(key)
        if text not in self._known:
            value = dict(compute())
            self._store.record_fact(self._study, key, value)
            self._known[text] = value
        return self._known[text]
