"""How a command ends when it is asked to: Ctrl-C, SIGTERM and SIGHUP raise one exception, at a moment that suits.

SIGTERM is what `kill`, schedulers and containers send; SIGHUP is what closing a terminal sends. Without a handler both
end a process on the spot, so that nothing is said, no file is cleaned up and the exit code is left to the shell.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Ended(KeyboardInterrupt):
    """A signal asked the command to end; `number` is the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def exit_code(interrupt: KeyboardInterrupt) -> int:
    """128 and the signal's number, as shells count: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP."""
    return 128 + (interrupt.number if isinstance(interrupt, Ended) else signal.SIGINT)


class Endings:
    """The handler of the signals: it raises `Ended` at once, or at the end of a `held` block."""

    def __init__(self) -> None:
        self._held = 0
        self._waiting: int | None = None

    def handle(self, number: int, frame: Any) -> None:
        """A signal has come. A second one within a `held` block is not kept waiting."""
        if self._held and self._waiting is None:
            self._waiting = number
        else:
            raise Ended(number)

    @property
    def asked(self) -> bool:
        """Whether a signal waits for the end of a `held` block."""
        return self._waiting is not None

    @contextmanager
    def held(self) -> Iterator[None]:
        """What is inside is done whole, such as taking a result and storing it; a signal is raised after it."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
        if not self._held and self._waiting is not None:
            number, self._waiting = self._waiting, None
            raise Ended(number)


@contextmanager
def endings_raised() -> Iterator[Endings]:
    """Inside, SIGINT, SIGTERM and SIGHUP raise `Ended`, which is a `KeyboardInterrupt`.

        with endings_raised() as endings:
            ...

    A signal that the program handles itself, or ignores as under `nohup`, is left as it is; so are all of them outside
    the main thread, where Python sets no handlers. Blocks may be nested: the outermost counts.
    """
    numbers = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    outer = [owner for number in numbers if isinstance(owner := _owner(signal.getsignal(number)), Endings)]
    endings = outer[0] if outer else Endings()
    usual = (signal.SIG_DFL, signal.default_int_handler)
    before = {number: handler for number in numbers if (handler := signal.getsignal(number)) in usual}
    if threading.current_thread() is not threading.main_thread():
        before = {}
    try:
        for number in before:
            signal.signal(number, endings.handle)
        yield endings
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _owner(handler: Any) -> object:
    return getattr(handler, "__self__", None)
