// Gates in a recipe's text: a criterion tightened or added by the form is a line of the recipe's own.
import { at, drop, put, read, type Path, type Plain } from "./yaml";

const KEYS: Record<string, string> = { ">=": "at_least", "<=": "at_most", "==": "equals", "gain >=": "by" };

/** Let a recipe ask a threshold of a metric; null takes its own line away, so that the default stands again. */
export function tighten(text: string, stage: string, metric: string, op: string, threshold: string | null): string {
  const key = KEYS[op]!;
  const path: Path = ["gates", stage];
  const own = at(read(text).data, path);
  const lines = Array.isArray(own) ? own : [];
  const asks = op === "gain >=" ? "gain_over" : key;
  const place = lines.findIndex((one) => isBlock(one) && one.metric === metric && asks in one);
  if (threshold === null) {
    if (place < 0) return text;
    const rest = lines.filter((_, index) => index !== place);
    return rest.length ? put(text, path, rest) : drop(text, path);
  }
  if (place >= 0) return put(text, [...path, place, key], threshold, threshold);
  const value = Number(threshold);
  const line: Plain = op === "gain >=" ? { metric, gain_over: "baseline", by: value } : { metric, [key]: value };
  return put(text, path, [...lines, line]);
}

const isBlock = (value: Plain): value is { [key: string]: Plain } => typeof value === "object" && value !== null && !Array.isArray(value);
