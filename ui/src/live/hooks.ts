import { useEffect, useRef, useSyncExternalStore } from "react";
import { Live, type Standing, type Told } from "./socket";

const place = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`;
export const live = new Live(place);
addEventListener("online", live.hurry);

/** Whether what is on the screen is live. */
export function useStanding(): Standing {
  return useSyncExternalStore(live.watch, () => live.standing);
}

/** Hear a topic while the component is there. resync: read it again, because too much was missed. */
export function useTopic(topic: string | null, on: (message: Told) => void, resync?: () => void): void {
  const ear = useRef({ on, resync });
  ear.current = { on, resync };
  useEffect(() => {
    if (topic === null) return;
    return live.hear(topic, { on: (message) => ear.current.on(message), resync: () => ear.current.resync?.() });
  }, [topic]);
}
