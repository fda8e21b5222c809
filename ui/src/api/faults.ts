// Which field a refusal is about: said beside that field, and only the rest below the form.
import { Refused } from "./client";

export type Faults = { at: Record<string, string>; rest: unknown };

/** Split a refusal by fields. hints: field → what a sentence about it looks like, where the server names no field. */
export function faultsOf(error: unknown, fields: readonly string[], hints: Record<string, RegExp> = {}): Faults {
  if (!(error instanceof Refused)) return { at: {}, rest: error };
  const at: Record<string, string> = {};
  const { detail, remedy, problems } = error.problem;
  let placed = 0;
  for (const one of problems) {
    const field = one.where?.split(".").find((part) => fields.includes(part));
    if (!field) continue;
    at[field] = [at[field], one.what].filter(Boolean).join(" ");
    placed += 1;
  }
  if (placed) return { at, rest: placed < problems.length ? error : null };
  const field = fields.find((name) => hints[name]?.test(detail));
  return field ? { at: { [field]: `${detail} ${remedy}`.trim() }, rest: null } : { at, rest: error };
}

/** Tell whether somebody else has changed the thing since it was read. */
export const isStale = (error: unknown): boolean => error instanceof Refused && (error.problem.status === 412 || error.problem.error === "Changed");
