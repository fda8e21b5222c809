// When the ledger was last verified from this browser, and with what outcome.
export type Last = { time: string; size: number; ok: boolean };
const PLACE = "ledger/verified";

export function keepVerified(size: number, ok: boolean, time = new Date().toISOString()): Last {
  const last = { time, size, ok };
  localStorage.setItem(PLACE, JSON.stringify(last));
  return last;
}

export function lastVerified(): Last | null {
  try {
    const said = JSON.parse(localStorage.getItem(PLACE) ?? "null") as Partial<Last> | null;
    return said && typeof said.time === "string" && typeof said.size === "number" && typeof said.ok === "boolean" ? (said as Last) : null;
  } catch {
    return null;
  }
}
