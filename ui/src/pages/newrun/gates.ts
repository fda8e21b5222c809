// Gates in a recipe's text: a criterion tightened or added by the form is a line of the recipe's own.
import { at, drop, put, read, type Path, type Plain } from "./yaml";

const KEYS: Record<string, string> = { ">=": "at_least", "<=": "at_most", "==": "equals", "gain >=": "by" };

/** Where the recipe's own line asks its threshold, or null where the default stands. */
export function ownPath(data: { [key: string]: Plain }, stage: string, metric: string, op: string): Path | null {
  const key = KEYS[op]!;
  const own = at(data, ["gates", stage]);
  const place = Array.isArray(own) ? own.findIndex((one) => isBlock(one) && one.metric === metric && (op === "gain >=" ? "gain_over" : key) in one) : -1;
  return place < 0 ? null : ["gates", stage, place, key];
}

/** Let a recipe ask a threshold of a metric; null takes its own line away, so that the default stands again. */
export function tighten(text: string, stage: string, metric: string, op: string, threshold: string | null): string {
  const key = KEYS[op]!;
  const path: Path = ["gates", stage];
  const { data } = read(text);
  const own = at(data, path);
  const lines = Array.isArray(own) ? own : [];
  const found = ownPath(data, stage, metric, op);
  if (threshold === null) {
    if (!found) return text;
    const rest = lines.filter((_, index) => index !== found[2]);
    return rest.length ? put(text, path, rest) : drop(text, path);
  }
  if (found) return put(text, found, threshold, threshold);
  const value = Number(threshold);
  const line: Plain = op === "gain >=" ? { metric, gain_over: "baseline", by: value } : { metric, [key]: value };
  return put(text, path, [...lines, line]);
}

const isBlock = (value: Plain): value is { [key: string]: Plain } => typeof value === "object" && value !== null && !Array.isArray(value);
