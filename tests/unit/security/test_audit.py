"""The audit keeps who did what, without secrets, and nothing of it can be changed unseen."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.security_stores import Clock, MemoryAudit

from engram.errors import VerificationFailed
from engram.files import canonical_json
from engram.security import redact as redacting
from engram.security.audit import NOTHING, AuditDraft, AuditRoot, digest_of, record, root_of, verify_chain
from engram.security.redact import HIDDEN, MAX_TEXT, is_secret_name, redact, redact_text

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def written():
    log, clock = MemoryAudit(), Clock()
    for number in range(6):
        record(log, AuditDraft("u_1", "runs.create", "allowed", f"r_{number}", request=f"q_{number}"), clock)
        clock.pass_(1)
    return log.entries


def test_an_entry_says_who_what_on_what_with_which_result_and_when(written):
    entry = written[2]
    assert (entry.index, entry.user, entry.operation, entry.subject, entry.result) == (
        2, "u_1", "runs.create", "r_2", "allowed",
    )  # fmt: skip
    assert (entry.request, entry.time) == ("q_2", (1_800_000_002) * 1_000_000)
    assert written[0].before == NOTHING and written[3].before == digest_of(written[2])


def test_a_whole_chain_verifies_with_every_root_of_its_past(written):
    roots = [root_of(None), *(root_of(entry) for entry in written)]
    assert verify_chain(written, roots) == roots[-1] == AuditRoot(6, digest_of(written[-1]))
    assert verify_chain([]) == AuditRoot(0, NOTHING)


def test_changed_dropped_moved_and_added_entries_are_named(written):
    roots = [root_of(written[-1])]
    for index in range(6):
        changed = [*written]
        changed[index] = dataclasses.replace(changed[index], result="refused")
        with pytest.raises(VerificationFailed, match=r"entry \d"):
            verify_chain(changed, roots)
    for broken in (written[:2] + written[3:], written[1:], [*written[:3], written[2], *written[3:]]):
        with pytest.raises(VerificationFailed, match=r"Audit entry \d is not the one"):
            verify_chain(broken)
    swapped = [*written]
    swapped[1], swapped[2] = swapped[2], swapped[1]
    with pytest.raises(VerificationFailed, match="entry 1 is not"):
        verify_chain(swapped)


def test_a_cut_end_and_a_rewritten_past_do_not_fit_the_ledger(written):
    with pytest.raises(VerificationFailed, match="has 4 entries, but the ledger has a root of 6"):
        verify_chain(written[:4], [root_of(written[-1])])
    log = MemoryAudit()
    for number in range(6):
        record(log, AuditDraft("u_2", "runs.create", "allowed", f"r_{number}"), Clock())
    verify_chain(log.entries)
    with pytest.raises(VerificationFailed, match="root of 3 entries"):
        verify_chain(log.entries, [root_of(written[2])])


@settings(deadline=None)
@given(JSON)
def test_any_detail_can_be_kept(detail):
    log = MemoryAudit()
    entry = record(log, AuditDraft("u_1", "runs.create", "allowed", detail={"given": detail}), Clock())
    canonical_json(dataclasses.asdict(entry))
    assert verify_chain([entry]).size == 1


# Secrets

SECRETS = {
    "an API key": ("egk_0123456789ab_" + "Zk3" * 14, "Zk3Zk3"),
    "a refresh token": ("egr_" + "Zk3" * 14, "Zk3Zk3"),
    "a JWT": ("eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ1XzEifQ.c2lnbmF0dXJl", "c2lnbmF0dXJl"),
    "a header": ("Authorization: Bearer abc.def-ghi_123", "abc.def-ghi_123"),
    "a basic header": ("authorization=Basic YWRhOmh1bnRlcjI=", "YWRhOmh1bnRlcjI"),
    "a quoted header": ('{"Authorization": "Token zz hunter2"}', "hunter2"),
    "a cookie": ("Cookie: sid=hunter2; theme=dark", "hunter2"),
    "a URL's user": ("postgresql://ada:hunter2@db:5432/x", "hunter2"),
    "a URL's user with signs": ("https://ada:hunt@er2@host/x", "er2@"),
    "a query": ("GET /x?access_token=hunter2&page=2", "hunter2"),
    "JSON": ('{"password": "hunter2 with blanks"}', "hunter2"),
    "a Python dict": ("{'client_secret': 'hunter2'}", "hunter2"),
    "an environment": ("ENGRAM_API_KEY=hunter2 AWS_SECRET_ACCESS_KEY=hunter3", "hunter"),
    "a dashed name": ("x-api-key: hunter2", "hunter2"),
    "a hash": ("$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA", "aGFzaA"),
    "a private key": ("-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----", "hunter2"),
    "half a private key": ("-----BEGIN EC PRIVATE KEY-----\nhunter2", "hunter2"),
    "a hub's token": ("hf_" + "a1B2" * 6, "a1B2a1B2"),
    "a cloud key": ("AKIAABCDEFGHIJKLMNOP", "ABCDEFGH"),
}  # fmt: skip


@pytest.mark.parametrize("what", SECRETS)
def test_no_secret_survives_anywhere_in_a_text(what):
    text, secret = SECRETS[what]
    for placed in (text, f"before {text}", f"before\n{text}\nafter", f"({text})"):
        said = redact_text(placed)
        assert secret not in said and HIDDEN in said, said
        assert secret not in redact_text(said)
    assert secret not in str(redact({"note": [{"deep": text}]}))


@pytest.mark.parametrize(
    "name",
    ["password", "newPassword", "X-Api-Key", "api_keys", "client-secret", "refreshToken", "AUTHORIZATION", "Set-Cookie",
     "password_hash", "AWS_SECRET", "db_password", "private_key"],
)  # fmt: skip
def test_a_field_with_a_secret_s_name_loses_its_value(name):
    assert is_secret_name(name)
    assert redact({name: ["hunter2"]}) == {redact_text(name): HIDDEN}
    assert redact({name: None}) == {redact_text(name): None}


@pytest.mark.parametrize("name", ["tokens_per_second", "max_tokens", "user", "keyboard", "passed", "secretary", ""])
def test_other_fields_keep_theirs(name):
    assert redact({name: 5}) == {name: 5}


def test_the_prefix_of_a_key_stays_and_so_does_plain_text():
    assert redact_text("egk_0123456789ab_" + "x" * 43) == "egk_0123456789ab_[hidden]"
    for text in ("run r_1 failed at step 100: loss=0.31", "see https://example.org/a?page=2#x", "mail ada@example.org"):
        assert redact_text(text) == text


@given(st.from_regex(redacting._PLAIN, fullmatch=True))
def test_what_is_passed_without_a_look_is_what_no_pattern_touches(text):
    assert all(pattern.sub(instead, text) == text for pattern, instead in redacting._PATTERNS)
    assert redact_text(text) == text and text.isprintable()


def test_control_characters_can_not_forge_a_line():
    assert redact_text("a\r\nadmin signed in\x1b[2J\u202e") == "a\\r\\nadmin signed in\\x1b[2J\\u202e"


def test_large_and_deep_values_are_cut():
    deep: object = "x"
    for _ in range(1000):
        deep = [deep]
    assert "[too deep]" in str(redact(deep))
    assert len(redact_text("x" * 10_000_000)) <= MAX_TEXT + 1
    assert len(redact(list(range(10_000)))) == 100
    for hostile in ("eyJ" * 300_000, "a-" * 500_000, "://" * 300_000, '"' * 900_000, "password" * 100_000):
        redact_text(hostile)
