"""Every page in both themes, wide and narrow: axe, contrast, the Tab key, no error, no other machine, no side scroll.

Pages come from the application's own table, so a new one is looked at without being named here.
"""

from __future__ import annotations

import pytest
from support import page_checks
from support.browsing import NARROW, NARROWEST, WHO_AM_I, WIDE, Visitor, nothing, visitor
from support.furnished import PASSWORD, Furnished, furnished
from support.pages import addresses, pages

THEMES = ("dark", "light")


@pytest.fixture(scope="module")
def house(browser, tmp_path_factory):
    """A server whose pages all have something to show."""
    with furnished(tmp_path_factory.mktemp("pages")) as one:
        yield one


@pytest.fixture(scope="module", params=THEMES)
def admin(browser, house: Furnished, request):
    """An Admin's window in each theme."""
    with visitor(browser, house.url, theme=request.param) as one:
        one.sign_in("root", PASSWORD)
        one.theme = request.param
        yield one


@pytest.fixture(params=THEMES)
def nobody(browser, house: Furnished, request):
    """A window of somebody who has not signed in."""
    with visitor(browser, house.url, theme=request.param, allowed=WHO_AM_I) as one:
        yield one


def look_at(one: Visitor) -> list[str]:
    """Return what is wrong with the page that is open, in every width."""
    said = []
    for width in (WIDE, NARROW):
        one.resize(width)
        said += [f"{width} px: {problem}" for problem in page_checks.axe_problems(one.page)]
    one.resize(NARROWEST)
    said += page_checks.width_problems(one.page)
    one.resize(WIDE)
    walked = page_checks.walk(one.page)
    assert walked.stops
    return said + walked.problems


def test_the_navigation_has_every_page_of_the_table(browser, house: Furnished):
    table = pages()
    assert len(table) >= 14
    assert len({page.path for page in table}) == len(table)
    with visitor(browser, house.url) as one:
        one.sign_in("root", PASSWORD)
        one.open("/")
        shown = one.page.locator("nav[aria-label=Primary] a").evaluate_all(
            "all => all.map(a => a.getAttribute('href'))"
        )
    assert sorted(shown) == sorted(page.path for page in table if page.group)


@pytest.mark.parametrize("address", addresses())
def test_a_page_passes_every_check(house: Furnished, admin: Visitor, address: str):
    said = admin.open(address.format(**vars(house)))
    assert said is not None
    assert said.status == 200
    assert admin.page.evaluate("() => document.documentElement.dataset.theme") == admin.theme
    nothing(look_at(admin) + admin.watch.take())


def test_signing_in_passes_every_check(nobody: Visitor):
    nobody.open("/")
    assert nobody.page.get_by_role("heading", name="Sign in").is_visible()
    nothing(look_at(nobody))


def test_the_first_password_passes_every_check(nobody: Visitor):
    nobody.sign_in("new", PASSWORD)
    nobody.open("/")
    assert nobody.page.get_by_role("heading", name="Choose a password").is_visible()
    nothing(look_at(nobody))


def test_the_menu_of_a_narrow_window_passes_every_check(admin: Visitor):
    admin.open("/")
    admin.resize(NARROW)
    admin.page.get_by_role("button", name="Open the menu").click()
    nothing(page_checks.axe_problems(admin.page))
    admin.resize(NARROWEST)
    nothing(page_checks.width_problems(admin.page))
    admin.resize(WIDE)
