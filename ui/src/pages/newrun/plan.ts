// How what was written becomes a run: by changes to a recipe that is there, or as a recipe of its own that is saved first.
import { flow, read, type Path, type Plain } from "./yaml";

/** What a text began with: a recipe by its name and version (0 for one that ships), or a template. */
export type Base = { recipe?: string; number?: number; template?: string; text: string };
export type Plan = { recipe?: string; template?: string; set: string[]; save: boolean; name: string };
const MOST_SETS = 100;

/** Changes as a run takes them (`train.seed=7`); null where such changes can't say it. */
export function sets(before: string, after: string): string[] | null {
  const [old, fresh] = [read(before), read(after)];
  if (old.fault || fresh.fault || !same(old.data.name, fresh.data.name) || !same(old.data.profiles, fresh.data.profiles)) return null;
  const found: string[] = [];
  return walk(old.data, fresh.data, [], found) && found.length <= MOST_SETS ? found : null;
}

/** Say how a run of this text is begun. A profile lies under changes and over a text, so the two don't go together. */
export function planOf(base: Base | null, text: string, profile: string): Plan {
  const name = String(read(text).data.name ?? "");
  const found = base && sets(base.text, text);
  if (!base || !found || (profile && found.length)) return { set: [], save: true, name };
  return { recipe: base.recipe, template: base.template, set: found, save: false, name };
}

export function same(a: Plain | undefined, b: Plain | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null || Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [Object.entries(a), Object.entries(b)];
  return left.length === right.length && left.every(([key, value]) => key in b && same(value as Plain, (b as Record<string, Plain>)[key]));
}

function walk(old: Plain | undefined, fresh: Plain | undefined, path: Path, found: string[]): boolean {
  if (isBlock(old) && isBlock(fresh)) {
    if (Object.keys(old).some((key) => !(key in fresh))) return false;
    return Object.entries(fresh).every(([key, value]) => walk(old[key], value, [...path, key], found));
  }
  if (same(old, fresh)) return true;
  if (path.some((part) => /[.=\s]/.test(String(part)))) return false;
  found.push(`${path.join(".")}=${flow(fresh ?? null)}`);
  return true;
}

const isBlock = (value: Plain | undefined): value is { [key: string]: Plain } => typeof value === "object" && value !== null && !Array.isArray(value);
