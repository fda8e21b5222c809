"""The few icons of the report, drawn inline; a word always stands beside them."""

from __future__ import annotations

SHAPES = {
    "ok": '<path d="M5 12.5l4.5 4.5L19 7.5"/>',
    "bad": '<path d="M7 7l10 10M17 7L7 17"/>',
    "warn": '<path d="M12 6v7M12 17.2v.3"/>',
    "run": '<path d="M12 5a7 7 0 1 1-6.6 4.7"/>',
    "idle": '<circle cx="12" cy="12" r="7.5" stroke-dasharray="3.14 3.14"/>',
    "done": '<circle cx="12" cy="12" r="3.6" fill="currentColor"/>',
    "brand": '<path d="M3 12h2.5M18.5 12H21M7.5 8v8M10.5 4.500v15M13.5 7v10M16.5 9.500v5"/>',
    "sun": '<circle cx="12" cy="12" r="3.8"/><path d="M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.600l1.4 1.400M17 17'
    'l1.4 1.400M18.4 5.600L17 7M7 17l-1.4 1.4"/>',
    "moon": '<path d="M19.5 14.200A8 8 0 0 1 9.8 4.500a8 8 0 1 0 9.7 9.700z"/>',
    "system": '<rect x="3.5" y="5" width="17" height="11" rx="2"/><path d="M9 20h6M12 16v4"/>',
}


def icon(name: str, size: int = 18) -> str:
    """Return an icon as inline SVG, hidden from screen readers.

    >>> icon("ok").startswith('<svg class="icon"')
    True
    """
    return (
        f'<svg class="icon" width="{size}" height="{size}" viewBox="0 0 24 24" fill="none" stroke="currentColor" '
        f'stroke-width="2.2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{SHAPES[name]}</svg>'
    )
