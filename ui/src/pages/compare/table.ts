// One run as the baseline, others beside it: pairs as the server gives them, laid into one table.
import type { Schemas } from "../../api/client";

export type Comparison = Pick<Schemas["Comparison"], "metrics"> & { recipes: Record<string, unknown[]> };
type Measure = Schemas["MeasureOut"];
/** difference: against the baseline; good: whether that is better, null where nobody knows or nothing changed; apart:
 * whether the 95 % intervals of the two do not touch, null where one is missing. */
export type Against = { measure: Measure | null; difference: number | null; good: boolean | null; apart: boolean | null };
export type Line = { stage: string; metric: string; base: Measure | null; others: Against[] };
export const MOST_OTHERS = 3;

export const listOf = (text: string | undefined): string[] => [...new Set((text ?? "").split(",").filter(Boolean))].slice(0, MOST_OTHERS);

export function lines(pairs: Comparison[]): Line[] {
  const names = new Map<string, { stage: string; metric: string }>();
  for (const pair of pairs) for (const { stage, metric } of pair.metrics) names.set(`${stage} ${metric}`, { stage, metric });
  return [...names.values()].flatMap(({ stage, metric }) => {
    const found = pairs.map((pair) => pair.metrics.find((one) => one.stage === stage && one.metric === metric));
    const base = found.find((one) => one?.a)?.a ?? null;
    const others = found.map((one) => against(base, one?.b ?? null, one?.better ?? ""));
    return hasValue(base) || others.some((one) => hasValue(one.measure)) ? [{ stage, metric, base, others }] : [];
  });
}

const hasValue = (measure: Measure | null): boolean => measure !== null && measure.value !== null;

function against(base: Measure | null, measure: Measure | null, better: string): Against {
  const [left, right] = [base?.value ?? null, measure?.value ?? null];
  const difference = left !== null && right !== null ? right - left : null;
  const good = difference && better ? difference > 0 === (better === "max") : null;
  const [mine, its] = [base?.interval, measure?.interval];
  const apart = mine?.length === 2 && its?.length === 2 ? its[0]! > mine[1]! || its[1]! < mine[0]! : null;
  return { measure, difference, good, apart };
}

/** Return the keys of the recipes that differ anywhere: the baseline's value, then each other's. */
export function differences(pairs: Comparison[]): [string, unknown[]][] {
  const keys = [...new Set(pairs.flatMap((pair) => Object.keys(pair.recipes)))].sort();
  return keys.map((key) => {
    const base = pairs.find((pair) => key in pair.recipes)!.recipes[key]![0];
    // Where a pair doesn't name the key, the two are the same in it.
    return [key, [base, ...pairs.map((pair) => (key in pair.recipes ? pair.recipes[key]![1] : base))]];
  });
}
