// The card that stands before everything else.
import { AudioWaveform } from "lucide-react";
import type { ReactNode } from "react";

export function Door({ title, children }: { title: string; children: ReactNode }) {
  return (
    <main className="door" id="main">
      <div className="card stack">
        <div className="brand">
          <i aria-hidden>
            <AudioWaveform size={19} />
          </i>
          Engram
        </div>
        <h1>{title}</h1>
        {children}
      </div>
    </main>
  );
}
