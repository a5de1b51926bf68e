"""plotly.js, small enough to stand inside a page: gzip, then base 85 without `<`, which HTML would read.

4.8 MB of source become 1.8 MB of text (base 64: 2.0 MB). `page.js` undoes it in the browser.
"""

from __future__ import annotations

import base64
import functools
import gzip


def packed(text: str) -> str:
    """`text` compressed, as ASCII characters that are safe inside a `<script>` element.

    It begins with the number of compressed bytes, since base 85 fills up to a multiple of four and a browser's
    DecompressionStream refuses what follows the end of the data.
    """
    data = gzip.compress(text.encode(), compresslevel=9, mtime=0)
    coded = base64.b85encode(data, pad=True).replace(b"<", b",")
    return f"{len(data)} {coded.decode('ascii')}"


def unpacked(text: str) -> str:
    """The inverse of `packed`."""
    size, coded = text.split(" ")
    return gzip.decompress(base64.b85decode(coded.replace(",", "<"))[: int(size)]).decode()


@functools.cache
def packed_plotly() -> str:
    """The minified plotly.js of the installed plotly, packed."""
    from plotly.offline import get_plotlyjs

    return packed(get_plotlyjs())
