// What may be done with a run in its present state.
import type { May } from "../../api/session";
import type { Row } from "./search";

export type Doable = "pause" | "resume" | "cancel" | "fork" | "share" | "pin" | "delete";
const ENDED = new Set(["cancelled", "failed_user", "failed_platform", "refused", "published"]);
const RESUMABLE = new Set(["paused", "cancelled", "failed_user", "failed_platform", "preempted", "lost_contact"]);
const CANCELLABLE = new Set(["queued", "running", "paused", "awaiting_review", "preempted", "lost_contact"]);
const OPERATION: Record<Doable, string> = {
  pause: "runs.pause",
  resume: "runs.resume",
  cancel: "runs.cancel",
  fork: "runs.create",
  share: "runs.share",
  pin: "runs.pin",
  delete: "runs.delete",
};

/** Return what is offered, in order; null as the reason: it can be done; words: why it can't. Nothing that one may not. */
export function doable(run: Pick<Row, "state" | "pinned" | "owner">, may: May): [Doable, string | null][] {
  const offered: [Doable, string | null][] = [];
  const add = (what: Doable, fits: boolean, why: string | null = null) => {
    if (fits && may(OPERATION[what], what === "fork" ? undefined : run.owner)) offered.push([what, why]);
  };
  add("pause", run.state === "running");
  add("resume", RESUMABLE.has(run.state));
  add("cancel", CANCELLABLE.has(run.state));
  add("fork", true);
  add("share", true);
  add("pin", true);
  add("delete", true, !ENDED.has(run.state) ? "cancel it first" : run.pinned ? "unpin it first" : null);
  return offered;
}
