// The gates of a run as a line: what was judged, what is at work, what will come.
import type { Schemas } from "../../api/client";
import { number } from "../../parts/say";

type Run = Schemas["RunOut"];
type Verdict = Schemas["VerdictOut"];
export type Standing = "ok" | "run" | "warn" | "bad" | "idle";
export type Gate = { stage: string; name: string; standing: Standing; said: string; criteria: Criterion[] };
export type Criterion = { metric: string; text: string; passed: boolean };

const STAGES: [string, string][] = [
  ["data", "Data"],
  ["baseline", "Baseline"],
  ["train", "Training"],
  ["evaluate", "Evaluation"],
  ["export", "Export"],
  ["simulate", "Simulation"],
];
export const OPS: Record<string, string> = { ">=": "≥", "<=": "≤", "==": "=", "gain >=": "gain ≥" };
const DECISIONS: Record<string, [Standing, string]> = {
  advance: ["ok", "Passed"],
  review: ["warn", "Waits for review"],
  rollback: ["bad", "Missed"],
};

export function gates(run: Run, verdicts: Verdict[]): Gate[] {
  const judged = new Map(verdicts.map((verdict) => [verdict.stage, verdict]));
  return STAGES.map(([stage, name]) => {
    const verdict = judged.get(stage);
    if (verdict) {
      const [standing, said] = DECISIONS[verdict.decision]!;
      return { stage, name, standing, said, criteria: verdict.criteria.map(criterion) };
    }
    // The baseline is measured and has no gate of its own: it is done as soon as anything behind it is.
    const behind = STAGES.slice(STAGES.findIndex(([one]) => one === stage) + 1).some(([one]) => judged.has(one) || run.stage === one);
    if (stage === "baseline" && behind) return { stage, name, standing: "ok", said: "Measured", criteria: [] };
    const here = run.stage === stage && ["running", "cancelling", "lost_contact"].includes(run.state);
    return { stage, name, standing: here ? "run" : "idle", said: here ? "At work" : run.ended ? "Not reached" : "Waiting", criteria: [] };
  });
}

function criterion(finding: Schemas["FindingOut"]): Criterion {
  const bound = `${OPS[finding.op] ?? finding.op} ${number(finding.threshold)}`;
  return { metric: finding.metric.replaceAll("_", " "), text: `${number(finding.observed)} ${bound}`, passed: finding.passed };
}
