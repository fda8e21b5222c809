"""The filter for texts that come in pieces: nothing is let out before what follows it has been seen."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from engram.security.filters.check import Filter, check
from engram.security.filters.decision import SEVERITY, FilterDecision
from engram.security.filters.normalise import INVISIBLE

HOLD = 256
CONTEXT = 64
MAX_HELD = 1 << 16
_RUN_AT_END = re.compile(r"[A-Za-z0-9+/_=-]")
_LINE_BREAKS = "\r\n"


@dataclass(frozen=True)
class Step:
    """What may be let out now, and the decision so far; its digest covers all that has come in."""

    release: str
    decision: FilterDecision


class FilterStream:
    """Holds back the last `hold` visible characters, so that a match across pieces is found before any of it is out.

    A run of base64 at the end is held back whole. When a look finds that more than 65536 characters would have to wait
    (invisible ones, an endless run), the text is blocked. The work is linear however small the pieces are: the next
    look comes when what is held has doubled, so at most twice as much is ever held. A match longer than `hold` may be
    missed where pieces meet. After a block nothing more comes out.
    """

    def __init__(self, filter_: Filter, *, hold: int = HOLD) -> None:
        self._filter, self._hold = filter_, hold
        self._context = self._held = ""
        self._seen_held = 0  # how much of what is held was there at the last look
        self._state = hashlib.sha256()
        self._worst: FilterDecision | None = None

    def feed(self, piece: str) -> Step:
        """Take the next piece; return what may be let out."""
        self._state.update(piece.encode("utf-8", "surrogatepass"))
        if self._blocked():
            return self._step("")
        self._held += piece
        # As much again as was held before, at least: so the looks grow with the text and their sum stays linear.
        if self._worst is not None and len(self._held) - self._seen_held < max(self._hold, self._seen_held):
            return self._step("")
        return self._look(self._keep())

    def finish(self) -> Step:
        """Say that no more will come; return the rest."""
        if self._blocked():
            return self._step("")
        return self._look(0)

    def _look(self, keep: int) -> Step:
        found = check(self._filter, self._context + self._held)
        if self._worst is None or SEVERITY[found.action] > SEVERITY[self._worst.action]:
            self._worst = found
        if keep > MAX_HELD and not self._blocked():
            self._worst = FilterDecision("block", "limits", "limit.held", "", "not asked")
        if self._blocked():
            self._held = self._context = ""
            return self._step("")
        out, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        self._context = INVISIBLE.sub("", (self._context + out)[-4 * CONTEXT :])[-CONTEXT:]
        self._seen_held = len(self._held)
        return self._step(out)

    def _keep(self) -> int:
        """Return how many characters at the end must wait."""
        at = len(self._held)
        seen = 0
        while at > 0 and seen < self._hold:
            at -= 1
            seen += not INVISIBLE.match(self._held[at])
        while at > 0 and (_RUN_AT_END.match(self._held[at - 1]) or self._held[at - 1] in _LINE_BREAKS):
            at -= 1
        return len(self._held) - at

    def _blocked(self) -> bool:
        return self._worst is not None and self._worst.action == "block"

    def _step(self, out: str) -> Step:
        said = self._worst or FilterDecision("allow", "end", "", "", "not asked")
        digest = f"sha256:{self._state.hexdigest()}"
        return Step(out, FilterDecision(said.action, said.stage, said.rule, digest, said.classifier))
