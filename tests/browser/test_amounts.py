"""Much of everything: a table of 10,000 runs, and files that take a while to go up, stop, go on, or are not wanted."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from support.browsing import PATIENCE_MS, visitor
from support.furnished import PASSWORD, furnished
from support.many import fill_runs

from engram.server import uploads

RUNS, MOST_ROWS, MOST_TASK_MS = 10_000, 80, 50
MEGA = 1_000_000
expect.set_options(timeout=PATIENCE_MS)

# Counts the rows after every change of the document, and keeps the most; notes what held up the page for long.
WATCH = """() => {
  window.mostRows = 0;
  window.longTasks = [];
  const count = () => { mostRows = Math.max(mostRows, document.querySelectorAll('[role=row]').length) };
  new MutationObserver(count).observe(document.body, {childList: true, subtree: true});
  new PerformanceObserver((list) => longTasks.push(...list.getEntries().map((one) => one.duration)))
    .observe({type: 'longtask', buffered: false});
  count();
}"""
# Scrolls as a hand does, a bit in each frame, until the table has so many rows; more are fetched on the way. It asks
# the page for no place, which would make it lay itself out once more in each frame.
SCROLL = """([wanted, by]) => new Promise((done) => {
  const box = document.querySelector('.table'), end = () => 56 * (Number(box.getAttribute('aria-rowcount')) - 1);
  let at = 0;
  const step = () => {
    at = Math.min(at + by, end());
    box.scrollTop = at;
    if (at > wanted * 56) done(true);
    else requestAnimationFrame(step);
  };
  step();
})"""


@pytest.fixture(scope="module")
def house(browser, tmp_path_factory):
    with furnished(tmp_path_factory.mktemp("amounts")) as one:
        fill_runs(one.here.db, one.house.ids["root"], RUNS)
        yield one


@pytest.fixture
def admin(browser, house):
    with visitor(browser, house.url) as one:
        one.sign_in("root", PASSWORD)
        yield one


def scroll(admin, rows, by):
    """Open the table of runs, scroll to a row, and return the most rows there were at once, and the long tasks."""
    admin.open("/runs")
    expect(admin.page.locator("[aria-label=Runs].table")).to_be_visible()
    admin.page.evaluate(WATCH)
    admin.page.evaluate(SCROLL, [rows, by])
    return admin.page.evaluate("() => [mostRows, longTasks]")


def test_a_table_of_many_rows_keeps_few_in_the_document(admin):
    most, _ = scroll(admin, 1_000, 600)
    assert 10 < most <= MOST_ROWS


@pytest.mark.slow
def test_the_last_of_10000_rows_is_reached_and_nothing_holds_up_the_page(admin):
    most, long = scroll(admin, RUNS - 100, 400)
    assert most <= MOST_ROWS
    assert [one for one in long if one > MOST_TASK_MS] == []


class Post:
    """Stands between page and server: holds pieces back from a certain one on, until they are let through."""

    def __init__(self, page, after):
        self.offsets, self._left, self.held = [], after, []
        page.route(re.compile(r"/api/v1/uploads/[^/]+$"), self._take)

    def _take(self, route):
        if route.request.method != "PATCH":
            route.continue_()
            return
        self.offsets.append(int(route.request.headers["upload-offset"]))
        self._left -= 1
        if self._left < 0:
            self.held.append(route)
        else:
            route.continue_()

    def open(self):
        """Let everything through from now on."""
        self._left = 1_000_000


def write_csv(path, size):
    """Write a file of rows of so many bytes, the last row not counted."""
    with path.open("w") as stream:
        written, number = stream.write("text,label\n"), 0
        while written < size - 100:
            written += stream.write(f"a kettle that leaks at the bottom for the {number}th time,returns\n")
            number += 1
    return path


def choose(page, path):
    """Choose a file, as the dialogue of the system would, and return its line."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose files").click()
    chooser.value.set_files(path)
    return page.get_by_role("list", name="Uploads").get_by_role("listitem").filter(has_text=path.name)


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(uploads, "PIECE_BYTES", MEGA)


def test_a_file_goes_up_stops_and_goes_on_where_it_was(admin, house, tmp_path, small_pieces):
    path = write_csv(tmp_path / "kettles.csv", 3 * MEGA)
    admin.open("/datasets")
    post = Post(admin.page, after=1)
    line = choose(admin.page, path)
    expect(line.get_by_role("status")).to_contain_text(re.compile(r"1\.0 MB of 3\.0 MB, \d+ s left"))
    expect(line.get_by_role("progressbar")).to_be_visible()
    line.get_by_role("button", name="Pause kettles.csv").click()
    expect(line.get_by_role("status")).to_contain_text("paused at 1.0 MB of")
    post.open()
    line.get_by_role("button", name="Go on").click()
    expect(line.get_by_role("status")).to_contain_text("brought in")
    assert post.offsets == [0, MEGA, MEGA, 2 * MEGA]  # the second was stopped, and nothing else went twice
    found = [one for one in house.ask("GET", "/datasets")["items"] if one["name"] == "kettles.csv"]
    assert [one["bytes"] for one in found] == [path.stat().st_size]
    expect(admin.page.get_by_role("list", name="Datasets")).to_contain_text("kettles.csv")


def test_a_file_that_is_not_wanted_any_more_leaves_nothing(admin, house, tmp_path, small_pieces):
    path = write_csv(tmp_path / "unwanted.csv", 2 * MEGA)
    admin.open("/datasets")
    Post(admin.page, after=1)
    line = choose(admin.page, path)
    expect(line.get_by_role("status")).to_contain_text("1.0 MB of")
    with admin.page.expect_response(lambda said: said.request.method == "DELETE") as deleted:
        line.get_by_role("button", name="Cancel unwanted.csv").click()
    assert deleted.value.status == 204
    expect(line).to_have_count(0)
    names = [one["name"] for one in house.ask("GET", "/uploads")["items"] if one["state"] != "aborted"]
    assert "unwanted.csv" not in names


def test_a_bad_file_is_refused_with_its_line(admin, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("text,label\n" + "a,b\n" * 5 + "one,two,three\n")
    admin.open("/datasets")
    line = choose(admin.page, path)
    expect(line.get_by_role("alert")).to_contain_text("row 7, column 3")
    expect(line.get_by_role("status")).to_contain_text("can't be read as it is")
    admin.watch.take()  # what the server refused is a message of the browser's console too


@pytest.mark.slow
def test_200_megabytes_go_up_stop_and_go_on(admin, house, tmp_path):
    path = write_csv(tmp_path / "large.csv", 200 * MEGA)
    admin.open("/datasets")
    post = Post(admin.page, after=3)
    line = choose(admin.page, path)
    expect(line.get_by_role("status")).to_contain_text(re.compile(r"MB, \d+ s left"))
    line.get_by_role("button", name="Pause large.csv").click()
    expect(line.get_by_role("status")).to_contain_text("paused at")
    post.open()
    line.get_by_role("button", name="Go on").click()
    expect(line.get_by_role("status")).to_contain_text("brought in", timeout=10 * PATIENCE_MS)
    found = [one for one in house.ask("GET", "/datasets")["items"] if one["name"] == "large.csv"]
    assert [one["bytes"] for one in found] == [path.stat().st_size]
    admin.watch.take()
