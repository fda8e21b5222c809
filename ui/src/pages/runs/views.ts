// Filters under a name, kept in this browser.
import { useSyncExternalStore } from "react";
import { clean, type Search } from "./search";

export type View = { name: string; search: Search };
const PLACE = "views/runs";
const READY: View[] = [
  { name: "Mine", search: { owner: "mine" } },
  { name: "At work", search: { state: "running" } },
  { name: "Waits for review", search: { state: "awaiting_review" } },
  { name: "Refused", search: { state: "refused" } },
];
const listeners = new Set<() => void>();
let known: { text: string | null; views: View[] } = { text: null, views: [] };

/** Return the views that were kept; what can't be read is none. */
export function saved(): View[] {
  const text = localStorage.getItem(PLACE);
  if (text === known.text) return known.views;
  let views: View[] = [];
  try {
    const said: unknown = JSON.parse(text ?? "[]");
    views = (Array.isArray(said) ? said : []).flatMap((one) => (typeof one?.name === "string" && typeof one.search === "object" && one.search ? [{ name: one.name, search: clean(one.search) }] : []));
  } catch {
    // Somebody else's words under this name.
  }
  known = { text, views };
  return views;
}

const keep = (views: View[]): void => {
  localStorage.setItem(PLACE, JSON.stringify(views));
  for (const tell of listeners) tell();
};

/** Keep a view; one of the same name is replaced. */
export const keepView = (name: string, search: Search): void => keep([...saved().filter((one) => one.name !== name), { name, search: clean(search) }]);
export const dropView = (name: string): void => keep(saved().filter((one) => one.name !== name));

export const useViews = (): { ready: View[]; saved: View[] } => {
  const mine = useSyncExternalStore((tell) => {
    listeners.add(tell);
    return () => listeners.delete(tell);
  }, saved);
  return { ready: READY, saved: mine };
};

export const isSame = (a: Search, b: Search): boolean => JSON.stringify(Object.entries(clean(a)).sort()) === JSON.stringify(Object.entries(clean(b)).sort());
