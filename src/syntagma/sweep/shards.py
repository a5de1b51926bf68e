"""One sweep divided among machines that know nothing of each other: each does the runs of its shard.

A run belongs to shard number 1 + (SHA-256 of its id, as a number) mod N: the same on every machine, at any time and
whatever the other runs are, so that shards need no list and no talk. Their results are merged afterwards.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from syntagma.errors import invalid
from syntagma.sweep.identity import digest


@dataclass(frozen=True)
class Shard:
    """Shard `number` of `count`, counted from 1: `Shard.parse("2/8").has(run.id())`."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """The shard that `I/N` names.

        Raises:
            InputError: not of that form, or I is not one of 1 to N.
        """
        match = re.fullmatch(r"\s*(\d{1,9})\s*/\s*(\d{1,9})\s*", text, re.ASCII)
        if match is None:
            mend = "Give 1/4, 2/4, 3/4 and 4/4 to four machines"
            raise invalid("shard", text, "it must be two whole numbers, I/N", mend)
        number, count = int(match[1]), int(match[2])
        if not 1 <= number <= count:
            mend = f"Give one of 1/{count} to {count}/{count}" if count else "Give 1/1 for all runs"
            raise invalid("shard", text, "I goes from 1 to N", mend)
        return cls(number, count)

    def has(self, name: str) -> bool:
        """Whether `name` belongs to this shard: a run's id, or a name for runs that must stay together."""
        return int(digest(name), 16) % self.count == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"
