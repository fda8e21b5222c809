import { useCallback, useSyncExternalStore } from "react";

/** One clock for all that tell the time at the same pace, however many rows there are. */
class Clock {
  now = Date.now();
  private readonly seconds: number;
  private listeners = new Set<() => void>();
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(seconds: number) {
    this.seconds = seconds;
  }

  watch(tell: () => void): () => void {
    this.listeners.add(tell);
    this.timer ??= this.begin();
    return () => {
      this.listeners.delete(tell);
      if (this.listeners.size) return;
      clearInterval(this.timer);
      this.timer = undefined;
    };
  }

  private begin(): ReturnType<typeof setInterval> {
    this.now = Date.now();
    return setInterval(() => {
      this.now = Date.now();
      for (const tell of this.listeners) tell();
    }, 1000 * this.seconds);
  }
}

const clocks = new Map<number, Clock>();

function clockOf(seconds: number): Clock {
  const found = clocks.get(seconds) ?? new Clock(seconds);
  clocks.set(seconds, found);
  return found;
}

/** The time in milliseconds, told anew every so many seconds; what says "3 min ago" stays true. */
export function useNow(seconds = 10): number {
  const watch = useCallback((tell: () => void) => clockOf(seconds).watch(tell), [seconds]);
  return useSyncExternalStore(watch, () => clockOf(seconds).now);
}
