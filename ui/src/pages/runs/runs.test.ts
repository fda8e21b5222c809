// @vitest-environment jsdom
import { beforeEach, describe, expect, it } from "vitest";
import { doable } from "./actions";
import { dots, kpi, summary } from "./gate";
import { earlier, inOrder, later } from "./queue";
import { clean, fits, placed, query, type Row } from "./search";
import { dropView, isSame, keepView, saved } from "./views";

const row = (id: string, more: Partial<Row> = {}): Row => ({ id, recipe: "toy", owner: "u_1", state: "published", kind: "language", priority: 0, created: "2026-01-01T00:00:00Z", gates: {}, stage: "publish", ...more }) as Row;

describe("the address of the runs", () => {
  it("keeps what is known and leaves out what says nothing", () => {
    expect(clean({ q: "", state: "running", order: "newest", other: "x" })).toEqual({ state: "running" });
    expect(clean({ order: "oldest", q: 7 })).toEqual({ order: "oldest", q: "7" });
  });

  it("mine means me", () => {
    expect(query({ owner: "mine" }, "u_7").owner).toBe("u_7");
  });
});

describe("a run that changes", () => {
  const pages = [{ items: [row("r_3", { created: "2026-01-03" }), row("r_2", { created: "2026-01-02" })] }, { items: [row("r_1")] }];
  const ids = (found: typeof pages) => found.map((page) => page.items.map((one) => one.id));

  it("is changed where it stands, and taken out when it no longer fits", () => {
    expect(placed(pages, "r_1", row("r_1", { state: "refused" }), false)[1]!.items[0]!.state).toBe("refused");
    expect(ids(placed(pages, "r_2", null, false))).toEqual([["r_3"], ["r_1"]]);
  });

  it("comes first when it is new, and only where the newest are first", () => {
    const fresh = row("r_4", { created: "2026-01-04" });
    expect(ids(placed(pages, "r_4", fresh, false))).toEqual([["r_4", "r_3", "r_2"], ["r_1"]]);
    expect(placed(pages, "r_4", fresh, true)).toBe(pages);
    expect(placed(pages, "r_0", row("r_0", { created: "2025-01-01" }), false)).toBe(pages);
  });

  it("fits as the server says", () => {
    expect(fits(row("r_01AB"), { q: "to" }, "u_1")).toBe(true);
    expect(fits(row("r_01AB"), { q: "r_01ab" }, "u_1")).toBe(true);
    expect(fits(row("r_01AB"), { q: "oy" }, "u_1")).toBe(false);
    expect(fits(row("r_01AB"), { owner: "mine" }, "u_2")).toBe(false);
  });
});

describe("the queue", () => {
  const queue = inOrder([row("r_c", { created: "3" }), row("r_a", { created: "1" }), row("r_b", { created: "2" }), row("r_d", { created: "4", priority: 5 })]);

  it("is in the order of starting", () => {
    expect(queue.map((one) => one.id)).toEqual(["r_d", "r_a", "r_b", "r_c"]);
  });

  it("a run moves by at least one place, either way", () => {
    for (const [place, id] of ["r_a", "r_b", "r_c"].entries()) {
      const moved = inOrder(queue.map((one) => (one.id === id ? { ...one, priority: earlier(queue, id)! } : one)));
      expect(moved.findIndex((one) => one.id === id)).toBeLessThan(place + 1);
    }
    for (const [place, id] of ["r_d", "r_a", "r_b"].entries()) {
      const moved = inOrder(queue.map((one) => (one.id === id ? { ...one, priority: later(queue, id)! } : one)));
      expect(moved.findIndex((one) => one.id === id)).toBeGreaterThan(place);
    }
  });

  it("the first can't go earlier, the last not later, and nothing beyond the bounds", () => {
    expect(earlier(queue, "r_d")).toBeNull();
    expect(later(queue, "r_c")).toBeNull();
    expect(earlier([row("r_1", { priority: 100 }), row("r_2", { priority: 0, created: "9" })], "r_2")).toBeNull();
  });
});

describe("what may be done", () => {
  const all = () => true;
  const names = (found: ReturnType<typeof doable>) => found.map(([what]) => what);

  it("depends on where the run stands, and says why not", () => {
    expect(names(doable(row("r_1", { state: "running" }), all))).toEqual(["pause", "cancel", "fork", "share", "pin", "delete"]);
    expect(doable(row("r_1", { state: "running" }), all).at(-1)).toEqual(["delete", "cancel it first"]);
    expect(doable(row("r_1", { pinned: true }), all).at(-1)).toEqual(["delete", "unpin it first"]);
    expect(names(doable(row("r_1", { state: "cancelled" }), all))).toContain("resume");
  });

  it("who may not sees nothing; another's run may only be forked", () => {
    expect(doable(row("r_1"), () => false)).toEqual([]);
    expect(names(doable(row("r_1"), (_, owner) => owner !== "u_1"))).toEqual(["fork"]);
  });
});

describe("gates and measures of a row", () => {
  it("each stage is a dot, and all of them a sentence", () => {
    const all = dots(row("r_1", { state: "running", stage: "export", gates: { data: "advance", train: "advance", evaluate: "rollback" } }));
    expect(all.map((one) => one.tone)).toEqual(["ok", "ok", "bad", "run", "idle"]);
    expect(summary(all)).toBe("2 of 5 passed, Evaluation missed");
  });

  it("the headline is what has a baseline", () => {
    expect(kpi({ ece: 0.1, macro_f1: 0.9, macro_f1_baseline: 0.8, macro_f1_difference: 0.1 })).toEqual({ name: "macro f1", value: 0.9, difference: 0.1 });
    expect(kpi({})).toBeNull();
  });
});

describe("saved views", () => {
  beforeEach(() => localStorage.clear());

  it("are kept under their name, and let go of", () => {
    keepView("Mine, refused", { owner: "mine", state: "refused" });
    keepView("Mine, refused", { owner: "mine" });
    expect(saved()).toEqual([{ name: "Mine, refused", search: { owner: "mine" } }]);
    expect(isSame(saved()[0]!.search, { owner: "mine", q: "" })).toBe(true);
    dropView("Mine, refused");
    expect(saved()).toEqual([]);
  });

  it("what can't be read is none", () => {
    localStorage.setItem("views/runs", "{");
    expect(saved()).toEqual([]);
    localStorage.setItem("views/runs", '[{"name": 1}, {"name": "a", "search": {"state": "running", "x": 1}}]');
    expect(saved()).toEqual([{ name: "a", search: { state: "running" } }]);
  });
});
