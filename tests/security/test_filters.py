"""Content filters: every disguise that we know, whole and in pieces; linear work; closed when something is down."""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.errors import UsageError
from engram.security.filters.check import MAX_CHARACTERS, Filter, Threshold, check, readings
from engram.security.filters.decision import Rule, parse_rules
from engram.security.filters.normalise import INVISIBLE, clean, views
from engram.security.filters.stream import MAX_HELD, FilterStream
from engram.security.filters.unwrap import MAX_DEPTH, MAX_GROWTH, unwrap

RULES = parse_rules(
    [
        {"id": "soft", "pattern": r"\bgosh\b", "action": "flag"},
        {"id": "bomb", "pattern": r"\bbadword\b", "action": "block"},
        {"id": "cyrillic", "pattern": "запрет", "action": "block"},
    ]
)
FILTER = Filter(RULES)


def b64(text: str, encoding: str = "utf-8") -> str:
    return base64.b64encode(text.encode(encoding)).decode()


def wrapped(times: int, text: str = "this is a badword here") -> str:
    for _ in range(times):
        text = b64(text)
    return text


DISGUISES = {
    "plain": "a badword here",
    "case": "a BaDwOrD here",
    "punctuation": "(badword)!",
    "zero-width": "ba\u200bd\u200cw\u200do\u2060r\ufeffd",
    "many zero-width": "b" + "\u200b" * 5000 + "adword",
    "bidi": "\u202eba\u202cdword\u2066",
    "soft hyphen": "bad\u00adword",
    "variation selectors": "b\ufe0fa\ufe0fd\U000e0100word",
    "tags": "bad\U000e0041word",
    "Hangul filler": "bad\u3164word\u115f",
    "full width": "ｂａｄｗｏｒｄ",
    "mathematical": "𝐛𝒂𝓭𝔀𝕠𝖗𝚍",
    "circled": "ⓑⓐⓓⓦⓞⓡⓓ",
    "black squares": "🅱🅰🅳🆆🅾🆁🅳",
    "flags": "🇧🇦🇩🇼🇴🇷🇩",
    "Cyrillic": "bаdwоrd",
    "Greek": "bαdwοrd",
    "small capitals": "ʙᴀᴅᴡᴏʀᴅ",
    "accents": "bádwörd",
    "stacked marks": "b\u0301\u0302\u0303adw\u0336ord",
    "spaced": "this is b a d w o r d",
    "dotted": "b.a.d.w.o.r.d",
    "dashed": "bad-word",
    "underscored": "b_a_d_w_o_r_d",
    "pairs": "ba dw or d",
    "spaced with signs": "b * a * d * w * o * r * d",
    "leet": "b4dw0rd",
    "leet signs": "b@dw0rd",
    "all at once": "ｂ\u200b а\u202e d \u00adw 0 r d",
    "base64": f"decode {b64('this is a badword here')} please",
    "base64 for URLs": base64.urlsafe_b64encode("a badword ÿÿÿÿ".encode()).decode(),
    "base64 without padding": b64("a badword").rstrip("="),
    "base64 moved by one": "x" + b64("this is a badword here"),
    "base64 moved by three": "xyz" + b64("this is a badword here"),
    "base64 in lines": "\r\n".join(b64("this is a badword here, well hidden")[at : at + 12] for at in range(0, 48, 12)),
    "base64 of UTF-16": b64("this is a badword here", "utf-16-le"),
    "base64 of a disguise": b64("this is b\u200b а d w o r d"),
    "base64 twice": wrapped(2),
    "base64 to the limit": wrapped(MAX_DEPTH),
    "full width base64": "".join(chr(ord(char) + 0xFEE0) for char in b64("this is a badword here")),
    "Cyrillic rule": "это запрет",
}
FINE = [
    "", " ", "a bad word", "badwords", "notabadwordatall", "grass hits the classic", "i am as is",
    "the quick brown fox", "sha256:" + "0a1b2c3d" * 8, "日本語のテキスト", "нет ничего", "C++ && a|b == 1.5e-3",
    "https://example.org/some/path?x=1", b64("nothing to see here, move along"), "A" * 3000,
    "class MyVeryLongIdentifierName(AnotherVeryLongIdentifier): pass",
]  # fmt: skip


@pytest.mark.parametrize("what", DISGUISES)
def test_no_disguise_passes(what: str):
    text = DISGUISES[what]
    for placed in (text, f"Well, {text}", f"{text} :-)", f"first line\n{text}\nlast line"):
        decision = check(FILTER, placed)
        assert (decision.action, decision.stage) == ("block", "patterns"), (placed, readings(clean(placed), ""))
        assert decision.rule == ("cyrillic" if what == "Cyrillic rule" else "bomb")
        assert decision.digest == "sha256:" + hashlib.sha256(placed.encode()).hexdigest()


@pytest.mark.parametrize("text", FINE)
def test_what_is_fine_passes(text: str):
    assert check(FILTER, text).action == "allow"


def test_the_decision_says_which_rule_and_never_the_text():
    decision = check(FILTER, "my secret is badword")
    assert "secret" not in repr(decision) and "badword" not in repr(decision)
    assert check(FILTER, "oh gosh").rule == "soft" and check(FILTER, "oh gosh").action == "flag"
    assert check(FILTER, "gosh, a badword").rule == "bomb", "a block outweighs a flag that comes first"


def test_beyond_the_limits_is_blocked():
    assert check(FILTER, wrapped(MAX_DEPTH + 1, "nothing to see here at all")).rule == "limit.wrapped"
    assert check(FILTER, wrapped(MAX_DEPTH, "nothing to see here at all")).action == "allow"
    small = replace(FILTER, max_characters=10)
    assert check(small, "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}").rule == "limit.size"
    assert check(small, "x" * 11).rule == "limit.size" and check(small, "x" * 10).action == "allow"


def test_every_format_character_of_unicode_is_invisible_to_us():
    found = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Cf"]
    assert len(found) > 150
    assert [char for char in found if not INVISIBLE.fullmatch(char)] == []


@settings(deadline=None)
@given(st.text(st.characters(), max_size=80))
def test_any_text_can_be_checked(text: str):
    assert check(FILTER, text).action in ("allow", "flag", "block")


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_invisible_characters_never_help(data: st.DataObject):
    inside = st.text(st.sampled_from("\u200b\u200d\u202e\ufeff\u00ad\ufe0f\U000e0041"), max_size=3)
    text = "".join(char + data.draw(inside) for char in "badword")
    assert check(FILTER, text).rule == "bomb"


def test_unpaired_surrogates_neither_break_it_nor_hide_anything():
    assert check(FILTER, "\ud800 badword \udfff").rule == "bomb"


# Work


@dataclass
class Counting:
    """A pattern that counts what it is given."""

    real: Any
    seen: int = 0

    def search(self, text: bytes) -> Any:
        self.seen += len(text)
        return self.real.search(text)


def counting() -> tuple[Filter, Counting]:
    pattern = Counting(RULES[1].pattern)
    return Filter((Rule("bomb", "block", pattern),)), pattern


MEGABYTE = {
    "letters": "x" * 1_000_000,
    "spaced letters": "x " * 500_000,
    "base64": b64("all is well, nothing here. " * 27_000)[:1_000_000],
    "base64 of base64": wrapped(2, "all is well, nothing here. " * 20_000)[:1_000_000],
    "marks": "a" + "\u0316\u0301" * 499_999,
    "zero-width": "\u200b" * 1_000_000,
    "wide characters": "ﷺ" * 100_000,
    "slashes": "+/" * 500_000,
    "dots": "." * 1_000_000,
    "letters and dots": "a.-" * 333_333,
    "line breaks": "AAAAAAAA\n" * 111_111,
}


@pytest.mark.parametrize("what", MEGABYTE)
def test_a_megabyte_is_read_a_bounded_number_of_times(what: str):
    text = MEGABYTE[what]
    for size in (len(text) // 10, len(text)):
        filter_, pattern = counting()
        decision = check(filter_, text[:size])
        assert decision.action == "allow" or decision.rule in ("limit.wrapped", "limit.size")
        # At most 6 views of the text and of all that was found inside it, at most 4 bytes a character.
        assert pattern.seen <= 6 * 4 * (1 + MAX_GROWTH) * min(len(clean(text[:size])), MAX_CHARACTERS) + 100


def test_marks_are_cut_before_they_are_sorted():
    """NFKC sorts a run of combining marks in quadratic time, so no long run may reach it."""
    assert len(clean("a" + "\u0316\u0301" * 50_000)) <= 32
    assert clean("e\u0301") == "é"


def test_unwrapping_grows_no_text():
    for text in MEGABYTE.values():
        found = unwrap(text[:100_000])
        assert sum(map(len, found.texts)) <= MAX_GROWTH * len(text[:100_000])


def test_a_text_that_decodes_from_every_start_is_too_much():
    """V is the one character whose runs decode to letters wherever one begins."""
    assert unwrap(("V" * 80 + "\n") * 100).beyond_limits
    assert check(FILTER, ("V" * 80 + "\n") * 100).rule == "limit.wrapped"
    assert not unwrap("VVVVVVVV" * 1000).beyond_limits


def test_a_pattern_that_would_backtrack_for_ever_does_not():
    slow = parse_rules([{"id": "slow", "pattern": r"(x+x+)+y", "action": "block"}])
    assert check(Filter(slow), "x" * 1_000_000).action == "allow"


def test_views_are_few():
    for text in (*MEGABYTE.values(), *DISGUISES.values()):
        assert len(views(clean(text[:1000]))) <= 6


# In pieces


def stream(text: str, size: int, filter_: Filter = FILTER, hold: int = 64) -> tuple[str, Any]:
    flow, out = FilterStream(filter_, hold=hold), ""
    step = None
    for at in range(0, len(text), size):
        step = flow.feed(text[at : at + size])
        out += step.release
    step = flow.finish()
    return out + step.release, step.decision


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
@pytest.mark.parametrize("what", DISGUISES)
def test_no_disguise_passes_in_pieces(what: str, size: int):
    text = DISGUISES[what]
    for before in ("", "fine words " * 30, "x" * 100 + " "):
        out, decision = stream(f"{before}{text} and more " + "fine words " * 40, size)
        assert decision.action == "block", (what, size, len(before))
        assert len(out) <= len(before), "nothing of the match is out"


@pytest.mark.parametrize("size", [1, 3, 64, 5000])
@pytest.mark.parametrize("text", [text * 20 for text in FINE])
def test_what_is_fine_comes_out_whole(text: str, size: int):
    out, decision = stream(text, size)
    whole = check(FILTER, text)
    assert (out, decision.action) == (text, "allow")
    assert decision.digest == whole.digest


def test_a_word_that_only_ends_like_one_is_no_match_at_a_border():
    for length in range(40, 140):
        assert stream("y" * length + "badword", 1)[1].action == "allow"


def test_after_a_block_nothing_comes_out_any_more():
    flow = FilterStream(FILTER, hold=8)
    for piece in ("a badword ", "harmless " * 100, ""):
        assert flow.feed(piece).release == ""
    assert flow.finish().release == "" and flow.finish().decision.rule == "bomb"


def test_a_flag_is_kept_and_lets_the_text_out():
    out, decision = stream("oh gosh " + "fine words " * 100, 5)
    assert (out, decision.action, decision.rule) == ("oh gosh " + "fine words " * 100, "flag", "soft")


@pytest.mark.parametrize("text", ["\u200b" * 3 * MAX_HELD, "A1" * 2 * MAX_HELD])
def test_what_would_have_to_be_held_for_ever_is_blocked(text: str):
    out, decision = stream("hello " + text + " end", 4096)
    assert (decision.action, decision.rule) == ("block", "limit.held")
    assert len(out) <= 6


@pytest.mark.parametrize("text", ["fine words " * 20_000, "A1" * 30_000, "\u200bx" * 30_000, "x\n" * 60_000])
@pytest.mark.parametrize("size", [1, 17])
def test_small_pieces_are_read_a_bounded_number_of_times(text: str, size: int):
    filter_, pattern = counting()
    stream(text, size, filter_, 256)
    assert pattern.seen <= 2 * 6 * (1 + MAX_GROWTH) * 4 * len(text.encode())


# The classifier


class Scores:
    def __init__(self, *answers: Any) -> None:
        self.answers, self.texts = list(answers), []

    def score_all(self, texts: Any) -> Any:
        found = []
        for text in texts:
            self.texts.append(text)
            found.append(self.answers[min(len(self.texts), len(self.answers)) - 1])
            if isinstance(found[-1], Exception):
                raise found[-1]
        return found


TOXIC = (Threshold("toxic", 0.8), Threshold("rude", 0.5, "flag"))


def judged(*answers: Any, text: str = "hello there") -> Any:
    return check(Filter(RULES, Scores(*answers), TOXIC), text)


def test_without_a_classifier_the_patterns_work_alone_and_say_so():
    assert check(FILTER, "hello").classifier == "none installed"
    assert check(FILTER, "badword").action == "block"


@pytest.mark.parametrize(
    ("scores", "action", "rule"),
    [
        ({"toxic": 0.1, "rude": 0.1}, "allow", ""),
        ({"toxic": 0.8, "rude": 0.1}, "block", "toxic"),
        ({"toxic": 0.1, "rude": 0.5}, "flag", "rude"),
        ({"toxic": 0.9, "rude": 0.9}, "block", "toxic"),
    ],
)
def test_a_classifier_decides_by_its_thresholds(scores: dict[str, float], action: str, rule: str):
    decision = judged(scores)
    assert (decision.action, decision.rule, decision.classifier) == (action, rule, "looked")


@pytest.mark.parametrize(
    "answer",
    [RuntimeError("down"), TimeoutError(), {}, {"toxic": 0.1}, None, {"toxic": float("nan"), "rude": 0.0},
     {"toxic": "high", "rude": 0.0}, {"toxic": -1.0, "rude": 0.0}, {"toxic": 2.0, "rude": 0.0}],
    ids=str,
)  # fmt: skip
def test_a_classifier_that_is_down_closes_the_door(answer: Any):
    decision = judged(answer)
    assert (decision.action, decision.rule, decision.classifier) == ("block", "classifier.down", "down")


def test_a_pattern_decides_before_the_classifier_is_asked():
    classifier = Scores({"toxic": 0.0, "rude": 0.0})
    decision = check(Filter(RULES, classifier, TOXIC), "badword")
    assert decision.classifier == "not asked" and classifier.texts == []
    assert judged({"toxic": 0.9, "rude": 0.0}, text="oh gosh").action == "block"
    assert judged({"toxic": 0.0, "rude": 0.0}, text="oh gosh").rule == "soft"


def test_a_classifier_sees_the_cleaned_text_and_what_is_inside():
    classifier = Scores({"toxic": 0.0, "rude": 0.0})
    check(Filter((), classifier, TOXIC), "he\u200bllo " + b64("something very rude"))
    assert classifier.texts[0].startswith("hello ") and "something very rude" in classifier.texts[1]
    assert len(classifier.texts) == 2


# Rules


@pytest.mark.parametrize(
    "rule",
    [
        {"id": "a", "pattern": r"(x)\1", "action": "block"},
        {"id": "a", "pattern": "(?=x)", "action": "block"},
        {"id": "a", "pattern": "(", "action": "block"},
        {"id": "a", "pattern": "x*", "action": "block"},
        {"id": "a", "pattern": "", "action": "block"},
        {"id": "a", "pattern": "((x{1000}){1000}){1000}", "action": "block"},
        {"id": "a", "pattern": "x" * 5000, "action": "block"},
        {"id": "a", "pattern": "x", "action": "allow"},
        {"id": "", "pattern": "x", "action": "block"},
        {"id": "a\nb", "pattern": "x", "action": "block"},
        {"id": "a", "pattern": "x"},
        {"id": "a", "pattern": "x", "action": "block", "more": "x"},
        {"id": 7, "pattern": "x", "action": "block"},
    ],
)
def test_a_rule_that_is_none_is_refused(rule: dict[str, Any]):
    with pytest.raises(UsageError, match="rule"):
        parse_rules([rule])


def test_two_rules_never_share_an_id():
    with pytest.raises(UsageError, match="Two filter rules have the id 'a'"):
        parse_rules([{"id": "a", "pattern": "x", "action": "block"}, {"id": "a", "pattern": "y", "action": "flag"}])
