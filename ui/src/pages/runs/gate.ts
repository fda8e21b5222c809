// The gates of a run as dots: one for each stage that has a gate, and what it said in words.
import type { Row } from "./search";

export type Dot = { stage: string; tone: "ok" | "warn" | "bad" | "run" | "idle"; said: string };
const STAGES: [string, string][] = [
  ["data", "Data"],
  ["train", "Training"],
  ["evaluate", "Evaluation"],
  ["export", "Export"],
  ["simulate", "Simulation"],
];
const SAID: Record<string, [Dot["tone"], string]> = { advance: ["ok", "passed"], review: ["warn", "waits for review"], rollback: ["bad", "missed"] };

export function dots(run: Pick<Row, "gates" | "stage" | "state">): Dot[] {
  return STAGES.map(([stage, name]) => {
    const decision = SAID[run.gates[stage] ?? ""];
    if (decision) return { stage, tone: decision[0], said: `${name} ${decision[1]}` };
    const here = run.stage === stage && (run.state === "running" || run.state === "cancelling");
    return { stage, tone: here ? "run" : "idle", said: `${name} ${here ? "at work" : "not judged"}` };
  });
}

/** Return how all gates stand in a few words: "3 of 5 passed, Evaluation missed". */
export function summary(all: Dot[]): string {
  const passed = all.filter((one) => one.tone === "ok").length;
  const rest = all.filter((one) => one.tone === "warn" || one.tone === "bad").map((one) => one.said);
  return [`${passed} of ${all.length} passed`, ...rest].join(", ");
}

/** Return the headline of what was measured: the first metric that has a baseline beside it, or the first there is. */
export function kpi(metrics: Record<string, number>): { name: string; value: number; difference: number | null } | null {
  const names = Object.keys(metrics).filter((name) => !/_(baseline|difference|difference_low|difference_high)$/.test(name));
  const name = names.find((one) => `${one}_baseline` in metrics) ?? names[0];
  if (name === undefined) return null;
  return { name: name.replaceAll("_", " "), value: metrics[name]!, difference: metrics[`${name}_difference`] ?? null };
}
