"""Pages that are bad on purpose: each check that the real ones must pass finds what it is there for."""

from __future__ import annotations

import pytest
from support import loopback, page_checks
from support.browsing import NARROWEST, visitor

GOOD = """<!doctype html><html lang="en"><head><title>A page</title><link rel="icon" href="data:,"><style>
  body { background: #fff; color: #222; margin: 0 }
  :focus-visible { outline: 3px solid #1558d6; outline-offset: 2px }
</style></head><body><main><h1>A page</h1><p>Some text.</p><button>Do it</button> <a href="#x">A place</a>BAD</main>
</body></html>"""
IMAGE = '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==">'


@pytest.fixture(scope="module")
def other():
    """Another server, as far as a page can tell: another port."""
    with loopback.serve(lambda *_: (200, {"Content-Type": "image/gif"}, b"")) as url:
        yield url


@pytest.fixture(scope="module")
def server():
    """A server that answers with whatever page a test has put into its list."""
    shown = [GOOD]

    def answer(method, path, headers, body):
        found = path == "/"
        return (200 if found else 404), {"Content-Type": "text/html"}, shown[-1].encode() if found else b""

    with loopback.serve(answer) as url:
        yield url, shown


@pytest.fixture
def show(browser, server):
    """Open a good page with something bad in it and hand it to a check."""
    url, shown = server

    def look(bad, check, width=NARROWEST):
        shown.append(GOOD.replace("BAD", bad))
        with visitor(browser, url, width=width) as one:
            one.open("/")
            return [*check(one.page), *one.watch.take()]

    return look


def everything(page):
    return [*page_checks.axe_problems(page), *page_checks.width_problems(page), *page_checks.walk(page).problems]


def walked(page):
    return page_checks.walk(page).problems


def test_a_good_page_has_no_problem(show):
    assert show("", everything) == []


@pytest.mark.parametrize(
    ("bad", "check", "said"),
    [
        (IMAGE, page_checks.axe_problems, "image-alt"),
        ('<p style="color: #999">Pale words</p>', page_checks.axe_problems, "color-contrast"),
        (
            '<p style="background: linear-gradient(#fff, #eee)">Words on a gradient</p>',
            page_checks.axe_problems,
            "contrast not judged (bgGradient)",
        ),
        ('<div style="width: 400px">wide</div>', page_checks.width_problems, "400 px wide in 320"),
        ('<button style="outline: none">Bare</button>', walked, "no outline shows the focus"),
        ('<button style="outline: 1px solid #1558d6">Thin</button>', walked, "no outline shows the focus"),
        ('<button style="outline: 3px solid #ddd">Pale</button>', walked, "an outline with a contrast of 1.36"),
        (
            '<div style="outline: 3px solid #1558d6"><button style="outline: none">Framed</button></div>'
            "<p></p><button>Next</button>",
            walked,
            "an outline that is always there",
        ),
        (
            '<button style="position: fixed; top: 0; left: 0">Under</button>'
            '<div style="position: fixed; inset: 0 0 auto 0; height: 90px; background: #fff">Over</div>',
            walked,
            "something covers the focus",
        ),
        (
            '<input aria-label="Trap" onkeydown="event.key === \'Tab\' && event.preventDefault()">',
            walked,
            "the focus can't leave",
        ),
        ("<script>console.error('it broke')</script>", lambda page: [], "console: it broke"),
        ("<script>throw new Error('it broke')</script>", lambda page: [], "uncaught: it broke"),
        ('<img alt="" src="/missing.gif">', lambda page: [], "console: Failed to load resource"),
    ],
)
def test_what_is_bad_is_caught(show, bad, check, said):
    found = show(bad, check)
    assert any(said in one for one in found), found


@pytest.mark.parametrize("bad", ['<img alt="" src="{}/x.gif">', "<script>new WebSocket('{}/x')</script>"])
def test_a_request_to_another_machine_is_caught(show, other, bad):
    found = show(bad.format(other.replace("http", "ws") if "WebSocket" in bad else other), lambda page: [])
    assert any(one.startswith("asked another machine: ") for one in found), found


def test_what_a_page_did_fails_the_test_by_itself(browser, server):
    url, shown = server
    shown.append(GOOD.replace("BAD", "<script>console.error('it broke')</script>"))
    with pytest.raises(AssertionError, match="it broke"), visitor(browser, url) as one:
        one.open("/")
