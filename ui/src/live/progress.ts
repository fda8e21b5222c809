// How far each run at work is, as the server told it last, and how long the rest will take at the pace that was seen.
import { useSyncExternalStore } from "react";
import type { Schemas } from "../api/client";
import { useTopic } from "./hooks";

type Progress = Schemas["Progress"];
/** What was seen of one piece of work. first: when its counting was seen to begin, in milliseconds; last: newest. */
export type Seen = { stage: string; progress: Progress; first: { done: number; time: number }; last: number };

const LEAST_MS = 2000;
const known = new Map<string, Seen>();
const listeners = new Set<() => void>();

/** Take what the server says of a run; another stage or another count begins anew. */
export function note(message: Schemas["RunChanged"], now: number): void {
  const { id, stage, progress } = message;
  const before = known.get(id);
  if (!progress || message.deleted) {
    if (!known.delete(id)) return;
  } else {
    const same = before && before.stage === stage && before.progress.what === progress.what && before.progress.total === progress.total && before.progress.done <= progress.done;
    known.set(id, { stage, progress, first: same ? before.first : { done: progress.done, time: now }, last: now });
  }
  for (const tell of listeners) tell();
}

/** Return the seconds that the rest takes at the pace seen; null while too little was seen. */
export function secondsLeft({ progress, first, last }: Seen): number | null {
  const made = progress.done - first.done;
  if (progress.total <= progress.done) return progress.total > 0 ? 0 : null;
  if (made <= 0 || last - first.time < LEAST_MS) return null;
  return ((progress.total - progress.done) * (last - first.time)) / made / 1000;
}

const watch = (tell: () => void): (() => void) => {
  listeners.add(tell);
  return () => listeners.delete(tell);
};

/** How far a run is; undefined while it counts nothing. */
export const useProgress = (run: string): Seen | undefined => useSyncExternalStore(watch, () => known.get(run));

/** Listen for the whole application, so that a page that is opened later knows the pace. */
export function useProgressKept(on: boolean): void {
  useTopic(on ? "runs" : null, (message) => {
    if (message.type === "run") note(message, Date.now());
  });
}
