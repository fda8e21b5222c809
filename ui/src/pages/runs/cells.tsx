// What a row of the runs shows, in cells or as a card.
import { Pin, Users } from "lucide-react";
import { secondsLeft, useProgress } from "../../live/progress";
import { Go } from "../../parts/Go";
import { Meter } from "../../parts/Meter";
import { useNow } from "../../parts/now";
import { State } from "../../parts/Pill";
import { ago, duration, number, on, signed } from "../../parts/say";
import { dots, kpi, summary } from "./gate";
import type { Row } from "./search";

export function Name({ run }: { run: Row }) {
  return (
    <span className="two">
      <span className="clip">
        <Go to={`/runs/${run.id}`}>{run.recipe}</Go>
        {run.pinned && <Pin size={13} role="img" aria-label="pinned" className="mark" />}
        {run.shared && <Users size={13} role="img" aria-label="shared" className="mark" />}
      </span>
      <span className="muted mono sm" title={run.id}>
        {run.id.slice(-8)}
      </span>
    </span>
  );
}

/** Where it stands, and why. */
export function Status({ run }: { run: Row }) {
  const why = run.state === "queued" ? run.waits : run.reason;
  return (
    <span className="two">
      <span>
        <State state={run.state} />
      </span>
      {why && (
        <span className="muted sm" title={why}>
          {why}
        </span>
      )}
    </span>
  );
}

export function Stage({ run }: { run: Row }) {
  const seen = useProgress(run.id);
  if (run.state !== "running" || !seen || seen.progress.total === 0) return <span className="sm clip">{run.state === "published" ? "–" : run.stage || "–"}</span>;
  const left = secondsLeft(seen);
  return (
    <span className="two">
      <span className="sm">
        {seen.stage} <span className="muted num">{left === null ? `${Math.floor((100 * seen.progress.done) / seen.progress.total)} %` : `${duration(left)} left`}</span>
      </span>
      <Meter label={`${seen.stage}: ${seen.progress.what}`} done={seen.progress.done} total={seen.progress.total} />
    </span>
  );
}

export function Dots({ run }: { run: Row }) {
  const all = dots(run);
  return (
    <span className="dots" role="img" aria-label={`Gates: ${summary(all)}`}>
      {all.map((one) => (
        <i key={one.stage} className={one.tone} title={one.said} />
      ))}
    </span>
  );
}

export function Kpi({ run }: { run: Row }) {
  const found = kpi(run.metrics);
  if (!found) return run.validated ? <Validated loss={run.validated} /> : <span className="muted">–</span>;
  return (
    <span className="two">
      <span className="num">
        <b title={String(found.value)}>{number(found.value)}</b>
        {found.difference !== null && (
          <span className="muted sm" title="Against the baseline">
            {" "}
            {signed(found.difference)}
          </span>
        )}
      </span>
      <span className="muted sm">{found.name}</span>
    </span>
  );
}

/** How a training goes, before anything is measured. */
function Validated({ loss }: { loss: NonNullable<Row["validated"]> }) {
  return (
    <span className="two">
      <span className="num" title={`At step ${loss.step}`}>
        {number(loss.last)} <span className="muted sm">valid loss</span>
      </span>
      <span className="muted sm num">
        best {number(loss.lowest)} at step {loss.lowest_step.toLocaleString("en")}
      </span>
    </span>
  );
}

export function Lasted({ run }: { run: Row }) {
  if (!run.started) return <span className="muted">–</span>;
  return <span className="num sm">{run.ended ? duration((Date.parse(run.ended) - Date.parse(run.started)) / 1000) : <Lasting since={Date.parse(run.started)} />}</span>;
}

const Lasting = ({ since }: { since: number }) => duration((useNow() - since) / 1000);

export function Begun({ run }: { run: Row }) {
  const now = useNow();
  return (
    <time className="sm" dateTime={run.created} title={on(run.created)}>
      {ago(run.created, now)}
    </time>
  );
}

/** A row on a narrow screen. */
export function RunCard({ run }: { run: Row }) {
  return (
    <span className="runcard">
      <span className="line">
        <Name run={run} />
        <State state={run.state} />
      </span>
      <span className="line">
        <Dots run={run} />
        <Stage run={run} />
      </span>
      <span className="line muted sm">
        <Kpi run={run} />
        <span className="end">
          {run.by} · <Begun run={run} />
        </span>
      </span>
    </span>
  );
}
