// The gates of a run as a line: what was judged, what is at work, what will come.
import type { Schemas } from "../../api/client";
import { number } from "../../parts/say";

type Run = Schemas["RunOut"];
type Verdict = Schemas["VerdictOut"];
export type Standing = "ok" | "run" | "warn" | "bad" | "idle";
export type Gate = { stage: string; name: string; standing: Standing; said: string; criteria: Criterion[] };
/** text: for people; exact: the numbers as they were judged. */
export type Criterion = { metric: string; text: string; exact: string; passed: boolean };

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
      const [standing, judgement] = DECISIONS[verdict.decision]!;
      const said = advises(run, verdict) ? "Missed; it advises only" : judgement;
      return { stage, name, standing, said, criteria: verdict.criteria.map(criterion) };
    }
    const behind = STAGES.slice(STAGES.findIndex(([one]) => one === stage) + 1).some(([one]) => judged.has(one) || run.stage === one);
    const here = run.stage === stage && ["running", "cancelling", "lost_contact"].includes(run.state);
    if (here) return { stage, name, standing: "run", said: "At work", criteria: [] };
    // The baseline is measured and has no gate of its own: what the evaluation compared with was measured, and so it is
    // while the evaluation is still to come.
    const compared = !judged.has("evaluate") || Object.keys(run.metrics).some((metric) => metric.endsWith("_baseline"));
    if (stage === "baseline" && behind && compared) return { stage, name, standing: "ok", said: "Measured", criteria: [] };
    const left = behind || run.state === "published";
    return { stage, name, standing: "idle", said: left ? "Skipped" : run.ended ? "Not reached" : "Waiting", criteria: [] };
  });
}

/** What is missed by a run that was certified all the same was there to advise; the certificate says so. */
const advises = (run: Run, verdict: Verdict): boolean => verdict.decision === "rollback" && Boolean(run.artifact);

export function summary(run: Run, verdicts: Verdict[]): string {
  if (!run.artifact) return "A missed gate refuses the model";
  return verdicts.some((verdict) => advises(run, verdict)) ? "Certified; the certificate says what was missed" : "All passed: certified";
}

/** A condition that holds or doesn't is a yes or no; what must be a certain number and is shows the number alone. */
export function criterion({ metric, op, threshold, observed, passed, reason }: Pick<Schemas["FindingOut"], "metric" | "op" | "threshold" | "observed" | "passed" | "reason">): Criterion {
  const gain = op.startsWith("gain ");
  const bound = `${gain ? "≥" : op === "==" ? "" : (OPS[op] ?? op)} ${plain(threshold)}`.trim();
  const yes = op === "==" && threshold === 1 && (observed === 0 || observed === 1);
  const value = `${gain && (observed ?? 0) > 0 ? "+" : ""}${plain(observed)}`;
  const compared = passed ? (op === "==" ? value : `${value} ${bound}`) : `${value}, not ${bound}`;
  const exact = `${observed ?? "not measured"} ${OPS[op] ?? op} ${threshold}${reason ? `: ${reason}` : ""}`;
  return { metric: metric.replaceAll("_", " ") + (gain ? " gain" : ""), text: yes ? (observed ? "yes" : "no") : compared, exact, passed };
}

/** Four significant figures without zeros at the end: 0.001, 19.46, 0. */
function plain(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  return size >= 1000 || (size > 0 && size < 0.001) ? number(value) : String(Number(value.toPrecision(4)));
}
