"""Journals of attempts as hypothesis draws them, cut into deliveries that repeat and overtake each other."""

from __future__ import annotations

from hypothesis import strategies as st

from engram.schema.event import Event

NOT_FINITE = (float("inf"), float("-inf"))
NAMES = ("loss", "grad_norm", "valid_loss", "ß")
VALUES = st.one_of(
    st.floats(-1e299, 1e299),
    st.sampled_from(NOT_FINITE),
    st.integers(-(2**70), 2**70),
    st.just(10**400),
    st.booleans(),
    st.text(max_size=3),
    st.none(),
)


@st.composite
def journal(draw, run: str, attempt: int, epoch: int) -> list[Event]:
    """Events of one attempt, numbered from 0; metrics repeat steps, and hold what is no number too."""
    events = []
    for seq in range(draw(st.integers(0, 12))):
        kind = draw(st.sampled_from(["started", "metric", "metric", "metric", "note"]))
        stage = draw(st.sampled_from(["train", "evaluate"]))
        body = {"step": draw(st.one_of(st.integers(0, 4), st.integers(-2, -1), st.just("x"))), "total": 9}
        body |= draw(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=3))
        body = {name: repr(value) if value in NOT_FINITE else value for name, value in body.items()}
        time = f"2026-11-20T15:02:11.{draw(st.integers(0, 999999)):06d}Z"
        events.append(Event(run, attempt, epoch, seq, time, stage, kind, body))
    return events


@st.composite
def deliveries(draw, journals: list[list[Event]]) -> list[list[Event]]:
    """Batches of one attempt each that hold every event at least once, in any order, some of them again and again."""
    batches = []
    for events in journals:
        pieces = [draw(st.permutations(events))] if events else []
        pieces += (
            draw(st.lists(st.lists(st.sampled_from(events), min_size=1, max_size=6), max_size=4)) if events else []
        )
        while pieces:
            piece = list(pieces.pop())
            cut = draw(st.integers(1, max(1, len(piece))))
            batches.append(piece[:cut])
            if piece[cut:]:
                pieces.append(piece[cut:])
    return draw(st.permutations(batches))
