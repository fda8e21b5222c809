// Whether what one sees is live; pressed, it stands still until it is pressed again.
import { CirclePause, CirclePlay } from "lucide-react";
import { live, useStanding } from "../live/hooks";
import type { Standing as Is } from "../live/socket";

const SAID: Record<Exclude<Is, "off">, string> = { live: "Live", connecting: "Connecting", reconnecting: "Reconnecting", paused: "Paused" };

export function Standing() {
  const standing = useStanding();
  if (standing === "off") return null;
  const paused = standing === "paused";
  return (
    <>
      <button
        type="button"
        className={`pill press ${standing === "live" ? "ok" : paused ? "idle" : "warn"}`}
        aria-label={paused ? "Updates are paused. Go on" : `${SAID[standing]}. Pause updates`}
        onClick={paused ? live.release : live.hold}
      >
        {standing === "live" ? <span className="live" aria-hidden /> : paused ? <CirclePlay size={14} aria-hidden /> : <CirclePause size={14} aria-hidden />}
        {SAID[standing]}
      </button>
      <span role="status" className="sr">
        {standing === "reconnecting" ? "The connection is lost; trying again." : standing === "live" ? "Live" : ""}
      </span>
    </>
  );
}
