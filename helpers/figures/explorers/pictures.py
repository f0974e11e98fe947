"""Still pictures of explorers, drawn by Python: before the script, without it, and in print."""

from __future__ import annotations

from html import escape
from typing import Any

__all__ = ["ghost", "still_code", "still_row"]


def still_row(fact: dict[str, Any], number: float) -> str:
    """Return the row of one parameter: symbol, name, value, unit, and room for the slider."""
    return (
        f'<div class="row"><span><span>{fact["symbol"]}</span><span>{escape(fact["words"])}</span></span>'
        f'{ghost("range")}<span class="value"><span class="number">{number:.4g}</span>'
        f'<span class="unit">{fact["unit"]}</span></span></div>'
    )


def still_code(words: str, text: str) -> str:
    """Return a line of code, with room for the button that copies it."""
    code = f"<pre><code>{escape(text)}</code></pre>"
    return f'<div class="code"><span class="muted">{words}</span>{ghost("button", "copy")}{code}</div>'


def ghost(style: str, text: str = "") -> str:
    """Return the room that a control will take."""
    return f'<span class="{style} ghost">{text}</span>'
