// A word for who doesn't see what has changed, as that a row has moved. Never the only copy of anything.
import { useSyncExternalStore } from "react";

let said = "";
const listeners = new Set<() => void>();

export function speak(text: string): void {
  // The same words twice are heard twice only when they differ.
  said = said === text ? `${text}\u00a0` : text;
  for (const tell of listeners) tell();
}

export const useSpoken = (): string =>
  useSyncExternalStore(
    (tell) => {
      listeners.add(tell);
      return () => listeners.delete(tell);
    },
    () => said,
  );
