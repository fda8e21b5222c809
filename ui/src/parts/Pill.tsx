import type { ReactNode } from "react";
import { tone, words, type Tone } from "./say";

export function Pill({ tone, live, children }: { tone: Tone; live?: boolean; children: ReactNode }) {
  return (
    <span className={`pill ${tone}`}>
      {live && <span className="live" aria-hidden />}
      {children}
    </span>
  );
}

/** Where a run stands. */
export function State({ state }: { state: string }) {
  return (
    <Pill tone={tone(state)} live={state === "running"}>
      {words(state)}
    </Pill>
  );
}
