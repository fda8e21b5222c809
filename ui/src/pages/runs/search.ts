// What the address of the page of runs says, and which runs it means.
import type { Schemas } from "../../api/client";

export type Row = Schemas["RunRow"];
export type Search = { q?: string; state?: string; kind?: string; owner?: string; order?: string };
export const STATES = ["queued", "running", "awaiting_review", "paused", "published", "refused", "failed_user", "failed_platform", "preempted", "lost_contact", "cancelled"];
const FIELDS = ["q", "state", "kind", "owner", "order"] as const;

/** Keep what the page knows, and leave out what says nothing. */
export function clean(search: Record<string, unknown>): Search {
  const found: Search = {};
  for (const name of FIELDS) {
    const value = search[name];
    if (typeof value === "string" && value !== "" && !(name === "order" && value !== "oldest")) found[name] = value;
    // An id may look like a number to who reads the address.
    if (name === "q" && typeof value === "number") found.q = String(value);
  }
  return found;
}

/** Return what the server is asked; me: the user behind "mine". */
export function query(search: Search, me: string): { named?: string; state?: string; kind?: string; owner?: string; order?: "newest" | "oldest" } {
  return {
    named: search.q,
    state: search.state,
    kind: search.kind,
    owner: search.owner === "mine" ? me : search.owner,
    order: search.order === "oldest" ? "oldest" : undefined,
  };
}

export const narrowed = (search: Search): boolean => Boolean(search.q || search.state || search.kind || search.owner);

/** Tell whether a run belongs into the list, as the server does. */
export function fits(row: Row, search: Search, me: string): boolean {
  const asked = query(search, me);
  const named = asked.named ?? "";
  return (
    (row.recipe.startsWith(named) || row.id.endsWith(named.toUpperCase().replace(/^R_/, ""))) &&
    (!asked.state || row.state === asked.state) &&
    (!asked.kind || row.kind === asked.kind) &&
    (!asked.owner || row.owner === asked.owner)
  );
}

/** Put a run as it is now into the pages of a list; null takes it out. A new one goes where the newest are. */
export function placed<P extends { items: Row[] }>(pages: P[], id: string, row: Row | null, oldestFirst: boolean): P[] {
  const known = pages.some((page) => page.items.some((one) => one.id === id));
  if (known) return pages.map((page) => ({ ...page, items: page.items.flatMap((one) => (one.id !== id ? [one] : row ? [row] : [])) }));
  if (!row || oldestFirst || !pages.length) return pages;
  const newest = pages[0]!.items[0];
  // An older one that isn't loaded yet comes with its page.
  if (newest && newest.created > row.created) return pages;
  return [{ ...pages[0]!, items: [row, ...pages[0]!.items] }, ...pages.slice(1)];
}
