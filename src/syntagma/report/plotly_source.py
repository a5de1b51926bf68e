"""plotly.js, small enough to stand inside a page: gzip in base 64, which `page.js` undoes in the browser."""

from __future__ import annotations

import base64
import functools
import gzip


def packed(text: str) -> str:
    """`text` compressed, as ASCII characters that are safe inside a `<script>` element."""
    return base64.b64encode(gzip.compress(text.encode(), compresslevel=6, mtime=0)).decode("ascii")


def unpacked(text: str) -> str:
    """The inverse of `packed`."""
    return gzip.decompress(base64.b64decode(text)).decode()


@functools.cache
def packed_plotly() -> str:
    """The minified plotly.js of the installed plotly, packed: 4.8 MB of source become 1.9 MB of text."""
    from plotly.offline import get_plotlyjs

    return packed(get_plotlyjs())
