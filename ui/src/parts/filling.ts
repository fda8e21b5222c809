// Which rows of a long table have their content: a few more in each frame, so that none takes long, the nearest to the
// middle of what is seen first.
import { useLayoutEffect, useReducer, useRef } from "react";

const MOST = 4;

export function useFilled(keys: readonly string[], middle: number): ReadonlySet<string> {
  const before = useRef<ReadonlySet<string>>(new Set());
  const [, again] = useReducer((count: number) => count + 1, 0);
  const now = filled(keys, middle, before.current);
  useLayoutEffect(() => {
    before.current = now;
    if (now.size === keys.length) return;
    const frame = requestAnimationFrame(again);
    return () => cancelAnimationFrame(frame);
  });
  return now;
}

/** Keys that have their content in the next drawing: what had it before, and a few more; all of them the first time. */
export function filled(keys: readonly string[], middle: number, before: ReadonlySet<string>, most = MOST): ReadonlySet<string> {
  if (!before.size) return new Set(keys);
  const off = (key: string) => Math.abs(keys.indexOf(key) - middle);
  const empty = keys.filter((key) => !before.has(key)).sort((one, other) => off(one) - off(other));
  return new Set([...keys.filter((key) => before.has(key)), ...empty.slice(0, most)]);
}
