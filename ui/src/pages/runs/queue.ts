// In which order queued runs are started: of the highest priority the oldest.
import type { Row } from "./search";

type Waits = Pick<Row, "id" | "priority" | "created">;
export const MOST = 100;

/** Tell whether `a` is started before `b`. */
const before = (a: Waits, b: Waits): boolean => a.priority > b.priority || (a.priority === b.priority && older(a, b));
const older = (a: Waits, b: Waits): boolean => (a.created === b.created ? a.id < b.id : a.created < b.created);

export const inOrder = <T extends Waits>(runs: T[]): T[] => runs.toSorted((a, b) => (before(a, b) ? -1 : 1));

/** Return the least priority with which a run is started before the one that is ahead of it; null where none is. */
export function earlier(queue: Waits[], id: string): number | null {
  const place = queue.findIndex((one) => one.id === id);
  const [run, ahead] = [queue[place], queue[place - 1]];
  if (!run || !ahead) return null;
  const priority = older(run, ahead) ? ahead.priority : ahead.priority + 1;
  return priority > MOST ? null : priority;
}

/** Return the greatest priority with which a run is started after the one that is behind it; null where none is. */
export function later(queue: Waits[], id: string): number | null {
  const place = queue.findIndex((one) => one.id === id);
  const [run, behind] = [queue[place], queue[place + 1]];
  if (!run || !behind) return null;
  const priority = older(behind, run) ? behind.priority : behind.priority - 1;
  return priority < -MOST ? null : priority;
}
