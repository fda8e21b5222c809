"""Which licences of data forbid commercial use, as far as their names tell."""

from __future__ import annotations

import re

_RESEARCH_ONLY = re.compile(
    r"(^|[^a-z])(research|academic|evaluation)([^a-z]|$)"  # other-research, research-only, academic use
    r"|non[-_ ]?commercial"
    r"|^cc[-_ ]by[-_ ]nc([^a-z]|$)"
)


def research_only(licence: str) -> bool:
    """Tell whether a licence, by its name, allows no commercial use.

    >>> [research_only(name) for name in ("other-research", "CC-BY-NC-SA-4.0", "cc-by-3.0", "apache-2.0", "unstated")]
    [True, True, False, False, False]
    """
    return _RESEARCH_ONLY.search(licence.strip().lower()) is not None
