"""The whole way through the pages, on a real server and core with real runs: by mouse, then by the keyboard alone.

From the first password to a deployment that is rolled back; the server is killed and started in the middle of a run.
"""

from __future__ import annotations

import re
import sys

import pytest
from playwright.sync_api import expect
from support.browsing import PATIENCE_MS, WHO_AM_I, visitor
from support.home import make_home
from support.keyboard import Keyboard
from support.served import PASSWORD, processes_of, served

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the server is not offered on Windows")

RUN_MS = 4 * PATIENCE_MS
GATES = ("Data", "Baseline", "Training", "Evaluation", "Export", "Simulation")
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def server(browser, tmp_path_factory):
    """A new home's server, where nobody has signed in yet."""
    home = make_home(tmp_path_factory.mktemp("journey"), rows=150)
    with served(home, signed_in=False) as one:
        yield one
    assert processes_of(home.folder) == []


@pytest.fixture(scope="module")
def first(browser, server):
    """The first Admin, who has got in and chosen a password; a recipe is there for her runs."""
    with visitor(browser, server.url, allowed=WHO_AM_I) as one:
        one.open("/")
        one.page.get_by_label("Name").fill("admin")
        one.page.get_by_label("Password").fill(server.first_password())
        one.page.get_by_role("button", name="Sign in").click()
        expect(one.page.get_by_role("heading", name="Choose a password")).to_be_visible()
        one.page.get_by_label("Present password").fill(server.first_password())
        one.page.get_by_label("New password").fill(PASSWORD)
        one.page.get_by_role("button", name="Change password").click()
        expect(one.page.get_by_role("heading", name="Overview")).to_be_visible()
        server.sign_in_again(PASSWORD)
        recipe = (server.home.folder / "toy.yaml").read_text()
        recipe = recipe.replace("path: tickets.csv", f"path: {server.home.folder}/tickets.csv")
        server.call("POST", "/recipes", {"text": recipe}, repeatable=True)
        yield one


def let_load_be(page):
    """Let the load test before a deployment advise only: a busy machine's figures are nothing to depend on."""
    page.route("**/api/v1/deployments", lambda route: route.continue_(url=f"{route.request.url}?simulate=advisory"))


def queue(server, *sets):
    return server.call("POST", "/runs", {"recipe": "toy", "set": list(sets)}, repeatable=True)["id"]


def promote(server, name, artifact):
    """Let another artifact answer, as a colleague would elsewhere."""
    version = server.call("GET", f"/deployments/{name}")["version"]
    asked = {"artifact": artifact, "version": version}
    server.call("POST", f"/deployments/{name}/promote", asked, query={"simulate": "advisory"})


def test_by_mouse_and_the_server_dies_in_the_middle(first, server):
    page = first.page
    run = queue(server)
    page.get_by_role("link", name="Runs", exact=True).click()
    page.locator("[aria-label=Runs]").get_by_role("link", name="toy").first.click()
    expect(page).to_have_url(re.compile(run))
    expect(page.locator(".runhead").get_by_text("Running")).to_be_visible()
    expect(page.get_by_role("button", name="Live. Pause updates")).to_be_visible()
    page.reload()
    expect(page.locator(".runhead").get_by_text("Running")).to_be_visible()
    expect(page.get_by_role("heading", name="Training")).to_be_visible()
    assert first.watch.take() == []

    server.kill()
    expect(page.get_by_role("button", name="Reconnecting. Pause updates")).to_be_visible()
    expect(page.get_by_role("heading", name="toy", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="Training")).to_be_visible()
    server.start()
    expect(page.get_by_role("button", name="Live. Pause updates")).to_be_visible()
    expect(page.locator(".runhead").get_by_text("Published")).to_be_visible(timeout=RUN_MS)
    first.watch.take()  # while the server was away nothing could be reached, and the browser said so
    for gate in GATES:
        at = page.locator(".gates > li").filter(has=page.get_by_role("heading", name=gate))
        expect(at.get_by_text("Measured" if gate == "Baseline" else "Passed", exact=True)).to_be_visible()

    with page.expect_popup() as opened:
        page.get_by_role("link", name="Report").click()
    expect(opened.value.get_by_role("heading").first).to_be_visible()
    opened.value.close()
    page.get_by_role("tab", name="Reports").click()
    expect(page.get_by_role("region", name="Measures of evaluate")).to_contain_text("accuracy")
    page.get_by_role("tab", name="Artifacts").click()
    page.get_by_role("button", name="Check every file").click()
    expect(page.get_by_role("img", name="as certified", exact=True).first).to_be_visible()
    expect(page.get_by_role("img", name="not as certified")).to_have_count(0)

    page.get_by_role("link", name="Ledger", exact=True).click()
    page.get_by_role("button", name="Verify here").click()
    expect(page.get_by_text(re.compile(r"All \d+ entries verified"))).to_be_visible()

    page.goto(f"{server.url}/runs/{run}?tab=samples")
    let_load_be(page)
    page.get_by_role("textbox", name="Name").fill("mouse")
    page.get_by_role("button", name="Deploy", exact=True).click()
    page.get_by_role("textbox", name="Text").fill("alpha")
    page.get_by_role("button", name="Ask").click()
    expect(page.locator(".answers > li").first).to_contain_text("alpha")

    page.goto(f"{server.url}/runs/{run}")
    page.get_by_role("link", name="Fork").first.click()
    page.get_by_role("textbox", name="Seed", exact=True).fill("8")
    expect(page.get_by_text("Ready to start")).to_be_visible()
    page.get_by_role("button", name="Start run").click()
    expect(page.locator(".runhead").get_by_text("Published")).to_be_visible(timeout=RUN_MS)
    forked = server.call("GET", f"/runs/{page.url.rsplit('/', 1)[-1]}")
    assert forked["id"] != run
    assert "seed: 8" in server.call("GET", f"/runs/{forked['id']}/recipe")["text"]
    other = forked["artifact"]
    page.get_by_role("link", name="Deployments", exact=True).click()
    promote(server, "mouse", other)
    page.get_by_role("button", name="Roll back to").click()
    expect(page.get_by_text("Rolled back:")).to_be_visible()
    assert server.call("GET", "/deployments/mouse")["artifact"] == server.call("GET", f"/runs/{run}")["artifact"]


def test_by_the_keyboard_alone(first, browser, server):
    made = server.call_in_person("POST", "/users", {"name": "kim", "role": "admin"})
    with visitor(browser, server.url, allowed=WHO_AM_I) as one:
        keys = Keyboard(one.page)
        one.open("/")
        keys.write("kim")
        keys.tab_to("textbox", "Password")
        keys.write(made["password"], "Enter")
        keys.tab_to("textbox", "Present password")
        keys.write(made["password"])
        keys.tab_to("textbox", re.compile("New password"))
        keys.write("quite another one 8", "Enter")
        expect(one.page.get_by_role("heading", name="Overview")).to_be_visible()

        run = queue(server, "train.seed=8", "evaluate.bootstrap=1001")
        keys.press("g", "r")
        expect(one.page.get_by_role("heading", name="Runs")).to_be_visible()
        expect(one.page.locator(f"a[href='/runs/{run}']").first).to_be_visible()
        keys.tab_to_css(f"a[href='/runs/{run}']")
        keys.press("Enter")
        expect(one.page.locator(".runhead").get_by_text("Published")).to_be_visible(timeout=RUN_MS)

        keys.tab_to("tab", "Metrics")
        keys.go_to("tab", "Reports")
        expect(one.page.get_by_role("region", name="Measures of evaluate")).to_contain_text("accuracy")
        keys.tab_to("tab", "Reports", backwards=True)
        keys.go_to("tab", "Artifacts")
        keys.tab_to("button", "Check every file")
        keys.press("Enter")
        expect(one.page.get_by_role("img", name="as certified", exact=True).first).to_be_visible()

        keys.tab_to("tab", "Artifacts", backwards=True)
        keys.go_to("tab", "Try it", "ArrowLeft")
        let_load_be(one.page)
        keys.tab_to("textbox", "Name")
        keys.press("Control+a")
        keys.write("keys")
        keys.tab_to("button", "Deploy")
        keys.press("Enter")
        expect(one.page.get_by_role("textbox", name="Text")).to_be_visible()
        keys.tab_to("textbox", "Text")
        keys.write("alpha")
        keys.tab_to("button", "Ask")
        keys.press("Enter")
        expect(one.page.locator(".answers > li").first).to_contain_text("alpha")

        keys.press("Control+k")
        expect(one.page.get_by_role("dialog")).to_be_visible()
        keys.write("Ledger", "ArrowDown", "Enter")
        expect(one.page.get_by_role("heading", name="Ledger", exact=True).first).to_be_visible()
        keys.tab_to("button", "Verify here")
        keys.press("Enter")
        expect(one.page.get_by_text(re.compile(r"All \d+ entries verified"))).to_be_visible()

        first_run = server.call("GET", "/runs", query={"state": "published"})["items"][-1]
        promote(server, "keys", first_run["artifact"])
        keys.press("g", "p")
        keys.tab_to_css(".choice:has-text('keys')")
        keys.press("Enter")
        expect(one.page.get_by_role("heading", name="keys", exact=True)).to_be_visible()
        keys.tab_to("button", re.compile("^Roll back to"))
        keys.press("Enter")
        expect(one.page.get_by_text("Rolled back:")).to_be_visible()
        assert server.call("GET", "/deployments/keys")["artifact"] == server.call("GET", f"/runs/{run}")["artifact"]


# What an Admin sees there and a Viewer doesn't: a control with another name is missed in the first, not praised in the
# second.
CONTROLS = (
    ("/", ["New run"]),
    ("/runs", ["New run"]),
    ("/runs/{run}", ["Fork"]),
    ("/runs/{run}?tab=samples", ["Deploy"]),
    ("/deployments?name=mouse", ["Stop", "Delete", "Deploy an artifact", "Promote", "Roll back to"]),
    ("/datasets", ["Choose files"]),
)


def controls(page, names):
    """Tell which of the names begin that of a button or a link."""
    main = page.locator("main")
    starts = {name: re.compile(f"^{re.escape(name)}") for name in names}
    found = {
        name: main.get_by_role("button", name=start).or_(main.get_by_role("link", name=start))
        for name, start in starts.items()
    }
    return [name for name, there in found.items() if there.count()]


def test_a_viewer_sees_no_control_that_is_refused(first, browser, server):
    run = server.call("GET", "/runs", query={"state": "published"})["items"][1]["id"]  # no deployment has it any more
    for path in (f"/runs/{run}", "/deployments/mouse"):
        server.call("PUT", f"{path}/share", {"shared": True})
    made = server.call_in_person("POST", "/users", {"name": "val", "role": "viewer"})
    with visitor(browser, server.url, allowed=WHO_AM_I) as one:
        one.sign_in("val", made["password"])
        assert one.send("POST", "/users/me/password", {"old": made["password"], "new": PASSWORD}) == 204
        one.sign_in("val", PASSWORD)
        for path, names in CONTROLS:
            first.open(path.format(run=run))
            assert controls(first.page, names) == names
            one.open(path.format(run=run))
            expect(one.page.get_by_role("alert")).to_have_count(0)
            assert controls(one.page, names) == []
        for shut in ("/runs/new", "/users", "/audit"):
            one.open(shut)
            expect(one.page.get_by_text("Your role does not open this page.")).to_be_visible()
        assert one.watch.take() == []
        refused = [
            ("POST", "/runs", {"recipe": "toy"}),
            ("POST", f"/runs/{run}/cancel", {}),
            ("POST", "/deployments/mouse/rollback", {"version": 1}),
            ("POST", "/uploads", {"purpose": "dataset", "name": "a.csv", "size": 1, "digest": ""}),
            ("GET", "/users", None),
        ]
        assert {(method, path): one.send(method, path, body) for method, path, body in refused} == {
            (method, path): 403 for method, path, _ in refused
        }


def test_a_developer_sees_no_control_of_what_others_share_that_is_refused(first, browser, server):
    run = server.call("GET", "/runs", query={"state": "published"})["items"][1]["id"]
    for path in (f"/runs/{run}", "/deployments/mouse"):
        server.call("PUT", f"{path}/share", {"shared": True})
    made = server.call_in_person("POST", "/users", {"name": "dan", "role": "developer"})
    changes = ["Stop", "Delete", "Promote", "Roll back to"]
    with visitor(browser, server.url, allowed=WHO_AM_I) as one:
        one.sign_in("dan", made["password"])
        assert one.send("POST", "/users/me/password", {"old": made["password"], "new": PASSWORD}) == 204
        one.sign_in("dan", PASSWORD)
        first.open("/deployments?name=mouse")
        assert controls(first.page, changes) == changes
        one.open("/deployments?name=mouse")
        assert controls(one.page, [*changes, "Deploy an artifact"]) == ["Deploy an artifact"]
        one.open(f"/runs/{run}")
        assert controls(one.page, ["Fork"]) == ["Fork"]
        # To whom it is not, a deployment that can't be changed is none, though it may be read.
        assert one.watch.take() == []
        assert one.send("POST", "/deployments/mouse/rollback", {"version": 1}) == 404
