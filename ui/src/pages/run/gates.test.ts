import { describe, expect, it } from "vitest";
import type { Schemas } from "../../api/client";
import { criterion, gates, summary } from "./gates";

const run = (more: Partial<Schemas["RunOut"]> = {}): Schemas["RunOut"] => ({ state: "published", stage: "publish", ended: "2026-01-01T00:00:00Z", metrics: {}, ...more }) as Schemas["RunOut"];
const verdict = (stage: string, decision: Schemas["VerdictOut"]["decision"] = "advance"): Schemas["VerdictOut"] => ({ stage, decision, criteria: [] }) as unknown as Schemas["VerdictOut"];
const said = (all: ReturnType<typeof gates>) => Object.fromEntries(all.map((gate) => [gate.stage, gate.said]));
const finding = (op: string, threshold: number, observed: number | null, passed = true) => criterion({ metric: "a_metric", op, threshold, observed, passed, reason: "" });

describe("gates", () => {
  it("a baseline that a finished run did without was skipped", () => {
    const all = ["data", "train", "evaluate", "export", "simulate"].map((stage) => verdict(stage));
    expect(said(gates(run(), all)).baseline).toBe("Skipped");
    expect(said(gates(run({ metrics: { accuracy: 1, accuracy_baseline: 0.5 } }), all)).baseline).toBe("Measured");
  });

  it("what lies behind a missed gate was not reached, and waits while the run lives", () => {
    const ended = said(gates(run({ state: "refused", stage: "evaluate" }), [verdict("data"), verdict("train"), verdict("evaluate", "rollback")]));
    expect(ended).toMatchObject({ evaluate: "Missed", export: "Not reached", simulate: "Not reached" });
    expect(said(gates(run({ state: "running", stage: "train", ended: null }), [verdict("data")]))).toMatchObject({ baseline: "Measured", train: "At work", evaluate: "Waiting" });
  });

  it("a gate that was missed by a certified run advised, and that is said", () => {
    const missed = [verdict("data"), verdict("simulate", "rollback")];
    expect(said(gates(run({ artifact: "sha256:1" }), missed)).simulate).toBe("Missed; it advises only");
    expect(summary(run({ artifact: "sha256:1" }), missed)).toBe("Certified; the certificate says what was missed");
    expect(summary(run({ artifact: "sha256:1" }), [verdict("data")])).toBe("All passed: certified");
    expect(summary(run({ state: "refused", artifact: "" }), missed)).toBe("A missed gate refuses the model");
  });

  it("numbers are plain, conditions are yes or no, and the exact value is kept", () => {
    expect(finding("==", 0, 0).text).toBe("0");
    expect(finding("==", 0, 3, false).text).toBe("3, not 0");
    expect(finding("==", 1, 1).text).toBe("yes");
    expect(finding("==", 1, 0, false).text).toBe("no");
    expect(finding("<=", 0.001, 0).text).toBe("0 ≤ 0.001");
    expect(finding("<=", 200, 19.45790999889141)).toMatchObject({ text: "19.46 ≤ 200", exact: "19.45790999889141 ≤ 200" });
    expect(finding("<=", 200, 571.8, false).text).toBe("571.8, not ≤ 200");
    expect(finding("gain >=", 0, 0.15873)).toMatchObject({ metric: "a metric gain", text: "+0.1587 ≥ 0" });
    expect(finding(">=", 0.5, null, false).exact).toBe("not measured ≥ 0.5");
  });
});
