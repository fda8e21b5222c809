"""What every page must pass: axe, contrast that was judged, nothing wider than the window, a walk by the Tab key."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from support.browsing import AXE

if TYPE_CHECKING:
    from playwright.sync_api import Page

# Why axe may leave the contrast of a text unjudged; everything else is to be made so that it can be judged.
UNJUDGED = ["elmPartiallyObscured", "elmPartiallyObscuring"]
LEAST_RING_PX, LEAST_RING_CONTRAST = 2, 3.0
MOST_STOPS = 400
DATE_STOPS = 3  # a field for a date has a place for day, month and year, and a button, all of them one element

# What can't be judged where it is, because it is scrolled out of sight, is scrolled into sight and judged again.
RUN_AXE = """async (allowed) => {
  const checked = (node) => [...node.any, ...node.all, ...node.none];
  const why = (node) => checked(node).map((check) => check.data?.messageKey ?? '?').join(' ');
  const flat = (rules) => rules.flatMap((rule) => rule.nodes.map((node) =>
    ({rule: rule.id, html: node.html.slice(0, 200), why: why(node), said: node.failureSummary, at: node.target})));
  // A single letter, or one that is hardly in any font, is read like every other text.
  const checks = {'color-contrast': {options: {ignoreUnicode: false, ignoreLength: true}}};
  const whole = await axe.run(document, {resultTypes: ['violations', 'incomplete'], checks});
  const found = {violations: flat(whole.violations), unjudged: []};
  let rest = flat(whole.incomplete.filter((rule) => rule.id === 'color-contrast'));
  while (rest.length) {
    const [first] = rest;
    document.querySelector(first.at[0])?.scrollIntoView({block: 'center', inline: 'center'});
    const again = await axe.run({include: rest.map((one) => one.at)}, {runOnly: ['color-contrast'], checks});
    found.violations.push(...flat(again.violations));
    const left = flat(again.incomplete);
    // The first is in sight now: when it can't be judged here, it can't be at all.
    found.unjudged.push(...left.filter((one) => one.at[0] === first.at[0] && !allowed.includes(one.why)));
    rest = left.filter((one) => one.at[0] !== first.at[0]);
  }
  scrollTo(0, 0);
  return found;
}"""

TOO_WIDE = """() => {
  const most = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= most) return [];
  const wide = [...document.body.querySelectorAll('*')].filter((one) => one.getBoundingClientRect().right > most + 1);
  const outer = wide.filter((one) => !wide.includes(one.parentElement)).slice(0, 5);
  return [`${document.documentElement.scrollWidth} px wide in ${most}`,
    ...outer.map((one) => one.outerHTML.slice(0, 160))];
}"""

# Says where the focus is, and by which outline one sees it: the element's own, that of something around it, or that of
# the label it stands in. One that stays when the focus has gone shows nothing, so the last one is looked at again.
STOP = """async ([least, contrast]) => {
  const walk = (window.__walk ??= {ids: new WeakMap(), next: 0, ring: null});
  const here = document.activeElement;
  if (!here || here === document.body || here === document.documentElement) return null;
  if (!walk.ids.has(here)) walk.ids.set(here, walk.next++);
  const canvas = (walk.canvas ??= new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true}));
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
  const ground = (node) => {
    const layers = [];
    for (let one = node; one; one = one.parentElement) {
      const colour = rgba(getComputedStyle(one).backgroundColor);
      layers.push(colour);
      if (colour[3] === 1) break;
    }
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
  };
  const light = (colour) => {
    const [r, g, b] = colour.slice(0, 3).map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const apart = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const outline = (node, part) => {
    const style = getComputedStyle(node, part);
    const width = style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineWidth);
    const behind = ground(parseFloat(style.outlineOffset) < 0 ? node : node.parentElement ?? node);
    const seen = apart(over(rgba(style.outlineColor), behind), behind);
    return {node, part, width, seen};
  };
  const label = here.closest('label');
  const near = [here, ...(label ? [label, ...label.querySelectorAll('*')] : [])];
  for (let one = here.parentElement, steps = 0; one && steps < 3 && one !== document.body; steps++) {
    near.push(one);
    one = one.parentElement;
  }
  const look = () => near.flatMap((node) => [null, '::before', '::after'].map((part) => outline(node, part)));
  const shows = (one) => one.width >= least && one.seen >= contrast;
  let all = look();
  // An editor marks the focus, and that it has lost it, some frames later than the browser does.
  for (let frame = 0; frame < 20 && !all.some(shows); frame++) {
    await new Promise(requestAnimationFrame);
    all = look();
  }
  const ring = all.find(shows) ?? all[0];
  const was = walk.ring;
  const stays = () => was && was.node.isConnected && was.node !== ring.node && !was.node.contains(here)
    && outline(was.node, was.part).width >= least;
  for (let frame = 0; frame < 20 && stays(); frame++) await new Promise(requestAnimationFrame);
  const left = stays();
  walk.ring = ring.width >= least ? ring : null;
  const box = ring.node.getBoundingClientRect();
  const at = (from, to, most) => Math.min(most - 1, Math.max(0, (Math.max(0, from) + Math.min(most, to)) / 2));
  const hit = document.elementFromPoint(at(box.left, box.right, innerWidth), at(box.top, box.bottom, innerHeight));
  return {
    id: walk.ids.get(here), html: here.outerHTML.slice(0, 160), width: ring.width, seen: ring.seen,
    stays: left ? was.node.outerHTML.slice(0, 160) : '',
    hidden: !hit || !(ring.node.contains(hit) || hit.contains(ring.node) || label?.contains(hit)),
  };
}"""


# What axe says of a node that is no longer in the document.
GONE, AXE_TRIES = "reading 'nthChild'", 3


@cache
def axe_source() -> str:
    """Return the program text of axe."""
    return AXE.read_text(encoding="utf-8")


def axe_problems(page: Page) -> list[str]:
    """Return what axe finds wrong on the page as it is, and every text whose contrast it could not judge."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(axe_source())
    found = _found_by_axe(page)
    return [
        *(f"{one['rule']}: {one['html']}: {one['said']}" for one in found["violations"]),
        *(f"contrast not judged ({one['why']}): {one['html']}" for one in found["unjudged"]),
    ]


def _found_by_axe(page: Page) -> Any:
    """Run axe; once more where it lost what it looked at, since the page drew that anew meanwhile."""
    for _ in range(AXE_TRIES - 1):
        try:
            return page.evaluate(RUN_AXE, UNJUDGED)
        except Exception as error:
            if GONE not in str(error):
                raise
    return page.evaluate(RUN_AXE, UNJUDGED)


def width_problems(page: Page) -> list[str]:
    """Return what makes the page scroll sideways in the window as it is."""
    return list(page.evaluate(TOO_WIDE))


@dataclass(frozen=True)
class Walk:
    """Where the Tab key stopped, in order, and what was wrong there."""

    stops: list[str]
    problems: list[str]


def walk(page: Page) -> Walk:
    """Press Tab until the focus is back where it was first; each stop must be seen, not covered, and left again."""
    stops: list[str] = []
    problems: list[str] = []
    first, last, stayed = None, None, 0
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        stop: dict[str, Any] | None = page.evaluate(STOP, [LEAST_RING_PX, LEAST_RING_CONTRAST])
        if stop is None:  # past the end, where a window would show its own controls
            last = None
            continue
        if stop["id"] == first and len(stops) > 1:
            return Walk(stops, problems)
        stayed = stayed + 1 if stop["id"] == last else 0
        if stayed > (DATE_STOPS if 'type="date"' in stop["html"] else 0):
            return Walk(stops, [*problems, f"the focus can't leave {stop['html']}"])
        if stayed:
            continue
        first = stop["id"] if first is None else first
        last = stop["id"]
        stops.append(stop["html"])
        problems += _problems(stop)
    return Walk(stops, [*problems, f"after {MOST_STOPS} steps the focus has not come back"])


def _problems(stop: dict[str, Any]) -> list[str]:
    said = []
    if stop["width"] < LEAST_RING_PX:
        said.append(f"no outline shows the focus on {stop['html']}")
    elif stop["seen"] < LEAST_RING_CONTRAST:
        said.append(f"an outline with a contrast of {stop['seen']:.2f} on {stop['html']}")
    if stop["stays"]:
        said.append(f"an outline that is always there: {stop['stays']}")
    if stop["hidden"]:
        said.append(f"something covers the focus on {stop['html']}")
    return said
