"""The page inside another one, such as a notebook's output."""

from __future__ import annotations

import html

#: The page's link to the data beside it, which leads nowhere once the page stands elsewhere.
_DATA_LINK = '<a href="report.json">report.json</a>'

_STYLE = "width: 100%; height: 48rem; border: 1px solid rgba(128, 128, 128, 0.35); border-radius: 8px"

_STYLE = "width: 100%; height: 48rem; border: 1px solid rgba(128, 128, 128, 0.35); border-radius: 8px"


def embed_page(page: str, beside: str) -> str:
    """Return an HTML element that shows a page of ours without mixing with what is around it.

    The frame may run no script and reaches nothing of the page that holds it, so that it is as safe as
    the page itself even where that was changed after it was written.

    Args:
      page: the text of report.html.
      beside: where report.html and report.json are; shown instead of the link between them.
    """
    place = f"{html.escape(beside.rstrip('/'))}/report.json"
    alone = page.replace(_DATA_LINK, f"<code>{place}</code>")
    frame = f'<iframe title="SavedModel validation" sandbox="" style="{_STYLE}" srcdoc="{html.escape(alone)}"></iframe>'
    # IPython takes a frame that stands alone for one that should have been an address.
    return f"<div>{frame}</div>"
