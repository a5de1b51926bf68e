"""What users add: files of their own, imported by path, once each, and the kinds of languages and learners in them."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

from pydantic_core import PydanticCustomError

from syntagma.errors import InputError, invalid, unknown
from syntagma.regular_file import shown

T = TypeVar("T")
C = TypeVar("C")


def module_of_file(path: str | Path, field: str) -> ModuleType:
    """The module in the Python file `path`, imported once: `module_of_file("my_study.py", "study")`.

    Importing runs the file, as Python's own import does: a user's own code, never part of a store or results.

    Args:
        field: what the file is given as, for messages.

    Raises:
        InputError: there is no such file, or it cannot be imported; the first line of why.
    """
    file = Path(path)
    try:
        if not file.is_file():
            raise invalid(field, str(path), "there is no such file", "Check the path")
        content = file.read_bytes()
    except InputError:
        raise
    except (OSError, ValueError) as error:
        raise invalid(field, str(path), f"it cannot be read, {error}", "Check the path") from None
    name = f"{file.stem}_{hashlib.sha256(content).hexdigest()[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, file.absolute())
    if spec is None or spec.loader is None:
        raise invalid(field, str(path), "it is no Python file", "Its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    folder = str(file.parent.absolute())
    if folder not in sys.path:
        sys.path.append(folder)  # files beside it can be imported, as of a script; looked into last
    try:
        spec.loader.exec_module(module)
    except InputError:
        del sys.modules[name]
        raise
    except (Exception, SystemExit) as error:  # a script that ends in sys.exit() would end the command without a word
        del sys.modules[name]
        line = " ".join(str(error).split())
        raise InputError(f"{field}={str(path)!r} cannot be imported: {type(error).__name__}: {line}.") from error
    _files.append(str(file.absolute()))
    return module


class Kinds(Generic[T]):
    """The classes of one noun, told apart by their `kind`: those of the package, and those that users add.

        LEARNERS = Kinds("learner", "syntagma.learners", [HierarchicalCNN, ...])
        @LEARNERS.add
        class GatedMLP(NetworkLearner): ...            # in a file of one's own

    A kind that is not known is looked for among the entry points of installed packages, and a kind that is the path of
    a Python file means the one that the file adds.

    Attributes:
        noun: what messages call it.
        group: of the entry points, each of which names a module or class that adds kinds.
    """

    def __init__(self, noun: str, group: str, members: Iterable[type[T]]) -> None:
        self.noun, self.group = noun, group
        self._classes: dict[str, type[T]] = {}
        for member in members:
            self.add(member)

    def add(self, member: type[C]) -> type[C]:
        """Make a class known by its `kind`; also as a decorator.

        Raises:
            InputError: it has no kind, or another class has that kind.
        """
        kind = _kind_of(member)
        if not isinstance(kind, str):
            raise invalid("kind", member.__name__, f"a {self.noun} has a field kind with a default", "Give it one")
        taken = self._classes.get(kind)
        if taken is not None and _origin(taken) != _origin(member):
            raise invalid("kind", kind, f"{taken.__module__}.{taken.__name__} has it already", "Choose another")
        self._classes[kind] = member  # pyright: ignore[reportArgumentType]
        return member

    def all(self) -> dict[str, type[T]]:
        """Every class by its kind, those of installed packages among them."""
        for point in importlib.metadata.entry_points(group=self.group):
            if point.name not in self._classes:
                self._load(point)
        return dict(self._classes)

    def named(self, kind: str) -> type[T]:
        """The class of that kind.

        Raises:
            InputError: there is none; the nearest is named.
        """
        if kind.endswith(".py"):
            return self._classes[self.kind_in(kind)]
        if kind not in self._classes:
            for point in importlib.metadata.entry_points(group=self.group, name=kind):
                self._load(point)
        if kind not in self._classes:
            raise unknown(f"{self.noun}.kind", kind, self._classes)
        return self._classes[kind]

    def kind_in(self, path: str) -> str:
        """The kind that the Python file at `path` adds: `LEARNERS.kind_in("my_network.py")`.

        Raises:
            InputError: it adds none, or several.
        """
        module = module_of_file(path, self.noun)
        own = {str(module.__file__), str(Path(path).absolute())}  # two where a copy of the file was imported first
        kinds = [kind for kind, member in self._classes.items() if _origin(member)[0] in own]
        if len(kinds) != 1:
            given = f"it adds {', '.join(kinds)}" if kinds else f"it adds no {self.noun}"
            raise invalid(self.noun, path, given, "See docs/extending.md")
        return kinds[0]

    def parse(self, value: Any) -> Any:
        """A mapping with a `kind` as what it stands for; anything else as it is. What pydantic asks."""
        if not isinstance(value, Mapping):
            return value
        given = {str(name): inner for name, inner in value.items()}
        kind = given.get("kind")
        if not isinstance(kind, str):
            choices = ", ".join(sorted(self._classes))
            raise PydanticCustomError("kind_missing", "kind is missing: there are {choices}", {"choices": choices})
        try:
            member = self.named(kind)
        except InputError as error:
            is_file = kind.endswith(".py")
            choices = "" if is_file else ", ".join(sorted(self._classes))
            context = {"text": str(error), "kind": shown(kind), "choices": choices}
            raise PydanticCustomError("kind_unknown", "{text}", context) from None
        return member.model_validate(given | {"kind": _kind_of(member)})  # pyright: ignore[reportAttributeAccessIssue]

    def _load(self, point: importlib.metadata.EntryPoint) -> None:
        try:
            added = point.load()
        except (Exception, SystemExit) as error:
            line = " ".join(str(error).split())
            raise InputError(f"{self.noun} {point.name!r} cannot be imported from {point.value}: {line}.") from error
        if isinstance(added, type) and point.name not in self._classes:
            self.add(added)


def files() -> list[str]:
    """The users' files imported so far, for processes that must know what they add."""
    return list(_files)


def sources() -> list[str]:
    """The users' files imported so far, and the modules beside them or in folders below that these imported in turn."""
    folders = {Path(file).parent for file in _files}
    loaded = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    beside = {str(file) for file in loaded if file and any(_lies_in(Path(file), folder) for folder in folders)}
    return [*_files, *sorted(beside - set(_files))]


def _lies_in(file: Path, folder: Path) -> bool:
    """Whether a module is the user's own: in the folder or below, in no environment there, and not of this package."""
    if not file.is_relative_to(folder) or file.is_relative_to(Path(__file__).parent):
        return False
    inside = file.relative_to(folder).parts
    return "site-packages" not in inside and not any(part.startswith(".") for part in inside)


_files: list[str] = []
"""What `module_of_file` has imported, in order: a cache of this process."""


def _kind_of(member: Any) -> Any:
    field = getattr(member, "model_fields", {}).get("kind")
    return None if field is None else field.default


def _origin(member: type) -> tuple[str, str]:
    """Of which file's class it is: a file that is imported again, under whatever name, may replace its own."""
    file = getattr(sys.modules.get(member.__module__), "__file__", None) or member.__module__
    return file, member.__qualname__
