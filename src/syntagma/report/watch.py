"""A page that shows a sweep while it writes: what is done, failed and running, when it ends, the main figure so far.

It is served on this machine's own address alone and asks no other for anything; every look reads the store anew, so it
follows commands that come and go, of shards that are merged too. The same as text: `text_of(look)`.
"""

from __future__ import annotations

import html
import json
import math
import threading
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import Any

from syntagma.errors import InputError, invalid
from syntagma.plot import Figure
from syntagma.plot.files import as_bytes, as_csv
from syntagma.studies import machinery
from syntagma.studies.status import Status, Watcher
from syntagma.studies.study import Study
from syntagma.sweep.store import Store

_HOST = "127.0.0.1"
_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src blob:; connect-src 'self'"
_LEAST_SECONDS = 1.0
"""Between two looks at the store, however many ask."""
_SHARE = 0.1
"""Of the time that passes, how much may go into drawing the figure."""
_LINES = 60


@dataclass(frozen=True)
class Look:
    """What was seen at one time; `drawn` counts the figures, `note` says why there is none."""

    status: Status
    figure: Figure | None
    drawn: int
    note: str


class Sight:
    """Looks at the results of one study again and again; several threads may ask."""

    def __init__(self, results: Path, study: Study[Any, Any]) -> None:
        self._results, self._study, self._watcher = results, study, Watcher(study)
        self._lock = threading.Lock()
        self._seen: Look | None = None
        self._seen_at = self._drawn_at = self._drawing_took = -math.inf
        self._figure: Figure | None = None
        self._figure_of: tuple[object, ...] = ()
        self._drawn, self._note = 0, ""
        self._picture: tuple[int, bytes] = (0, b"")

    def look(self) -> Look:
        """What is there now, or was a moment ago.

        Raises:
            InputError: the results cannot be read, or hold nothing of the study.
        """
        with self._lock:
            if self._seen is None or time.monotonic() - self._seen_at >= _LEAST_SECONDS:
                with Store.open(self._results, read_only=True) as store:
                    status = self._watcher.status(store)
                    self._analyse(store, status)
                self._seen, self._seen_at = Look(status, self._figure, self._drawn, self._note), time.monotonic()
            return self._seen

    def picture(self) -> bytes:
        """The figure of the last look as SVG; nothing where there is none.

        Raises:
            InputError: it cannot be drawn; or as `look`.
        """
        look = self.look()
        with self._lock:
            if look.figure is not None and self._picture[0] != look.drawn:
                try:
                    self._picture = look.drawn, as_bytes(look.figure, "svg", 6.8, title=True)
                except Exception as error:
                    raise InputError(_trouble(error)) from error
            return self._picture[1]

    def _analyse(self, store: Store, status: Status) -> None:
        """Make the figure anew where something has finished, not too often."""
        now = time.monotonic()
        of = (status.done, status.preset, status.ended)
        if of == self._figure_of or (status.running and now - self._drawn_at < self._drawing_took / _SHARE):
            return
        self._figure_of, self._note = of, ""
        try:
            figures = machinery.analyse(self._study, store).figures
        except InputError as error:
            self._note = str(error)
        except Exception as error:  # of a study of one's own, met by results that are half there: looking on goes on
            self._note = _trouble(error)
        else:
            if figures:
                self._figure, self._drawn = figures[0], self._drawn + 1
        self._drawn_at = time.monotonic()
        self._drawing_took = self._drawn_at - now


def text_of(look: Look, now: datetime | None = None) -> str:
    """A look as lines of text, the numbers of the figure among them."""
    status, lines = look.status, []
    for name, value in _facts(status, now or datetime.now().astimezone()).items():
        lines.append(f"{name:<8}{value}")
    lines += [f"running {line}" for line in status.running] + [f"failed  {line}" for line in status.failed]
    if look.note:
        lines.append(f"note    {look.note}")
    if look.figure is not None:
        rows = as_csv(look.figure).splitlines()
        lines += [f"figure  {look.figure.title}", *rows[:_LINES]]
        lines += [f"... and {len(rows) - _LINES} more points"] if len(rows) > _LINES else []
    return "\n".join(lines)


def server(results: Path, study: Study[Any, Any], port: int = 0) -> ThreadingHTTPServer:
    """A server of the page, not started yet; its address is `server_address`, with any free port where `port` is 0.

    with server(results, study) as page: page.serve_forever()

    Raises:
        InputError: the port is taken; or as `Sight.look`.
    """
    sight = Sight(results, study)
    sight.look()
    try:
        found = ThreadingHTTPServer((_HOST, port), _Answers)
    except (OSError, OverflowError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower().rstrip(".")
        raise invalid("port", port, f"it cannot be listened to, {reason}", "Give another, or 0 for any") from error
    found.daemon_threads = True
    found.sight = sight  # pyright: ignore[reportAttributeAccessIssue]
    found.page = page_html(study)  # pyright: ignore[reportAttributeAccessIssue]
    return found


def page_html(study: Study[Any, Any]) -> str:
    """The page, which asks for the status again and again."""
    text = resources.files("syntagma.report").joinpath("watch.html").read_text(encoding="utf-8")
    return text.replace("{{policy}}", _POLICY).replace("{{title}}", html.escape(study.title))


def status_json(look: Look, now: datetime | None = None) -> str:
    """What the page asks for."""
    facts = _facts(look.status, now or datetime.now().astimezone())
    said = asdict(look.status) | {"facts": facts, "figure": look.drawn, "note": look.note}
    return json.dumps(said, allow_nan=False)


class _Answers(BaseHTTPRequestHandler):
    """The page, the status, the figure; to whoever asks for them by this machine's own names."""

    server_version = "syntagma"

    def do_GET(self) -> None:
        sight, port = self.server.sight, self.server.server_address[1]  # pyright: ignore
        if self.headers.get("Host") not in (f"{_HOST}:{port}", f"localhost:{port}"):  # a stranger's page under its name
            self.send_error(403)
            return
        try:
            match self.path.partition("?")[0]:
                case "/":
                    self._answer(self.server.page.encode(), "text/html; charset=utf-8")  # pyright: ignore
                case "/status.json":
                    self._answer(status_json(sight.look()).encode(), "application/json")
                case "/figure.svg":
                    self._answer(sight.picture(), "image/svg+xml")
                case "/favicon.ico":  # browsers ask for it, and complain where there is none
                    self._answer(b"", "image/x-icon", 204)
                case _:
                    self.send_error(404)
        except InputError as error:
            self._answer(json.dumps({"error": str(error)}).encode(), "application/json", 503)

    def _answer(self, content: bytes, kind: str, code: int = 200) -> None:
        self.send_response(code)
        for name, value in (("Content-Type", kind), ("Content-Length", len(content)), ("Cache-Control", "no-store")):
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


def _trouble(error: Exception) -> str:
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:300].removesuffix(":")
    return f"the figure cannot be made of what is stored so far ({reason})"


def _facts(status: Status, now: datetime) -> dict[str, str]:
    """What is shown first, by its name."""
    what = f"{status.study}, {status.preset or 'no preset'}"
    state = "running" if status.running else "ended" if status.ended else "interrupted, or between two runs"
    of = f" of {status.wanted:,}" if status.wanted is not None else ""
    facts = {"study": f"{what}: {state}", "done": f"{status.done:,}{of}", "failed": f"{len(status.failed):,}"}
    facts["running"] = f"{len(status.running):,}"
    if status.seconds_left is not None:
        end = now + timedelta(seconds=min(status.seconds_left, 1e9))
        facts["end"] = f"expected {end:%Y-%m-%d %H:%M} (in {_duration(status.seconds_left)})"
    return facts


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
