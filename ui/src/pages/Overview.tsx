// At a glance: what runs, what waits for a person, what was finished last, how the machine and the ledger are.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Activity, Check, Cpu, History, Link2, Rocket, ShieldAlert, Sparkles, X } from "lucide-react";
import { useState } from "react";
import { Button } from "react-aria-components";
import { api, told, type Schemas } from "../api/client";
import { useMay } from "../api/session";
import { keepVerified, lastVerified } from "../ledger/last";
import { useTopic } from "../live/hooks";
import { secondsLeft, useProgress } from "../live/progress";
import { useDoing } from "../parts/Act";
import { Card } from "../parts/Card";
import { Meter } from "../parts/Meter";
import { useNow } from "../parts/now";
import { State } from "../parts/Pill";
import { ago, duration, number, on, signed } from "../parts/say";
import { Of, Trouble } from "../parts/Wait";
import { Dots } from "./runs/cells";
import { dots, kpi } from "./runs/gate";
import "./runs/runs.css";

type Run = Schemas["RunRow"];
const PARTS = { cpu: "Processor", memory: "Memory", disk: "Disk" };
const AT_WORK = new Set(["queued", "running", "cancelling", "lost_contact", "paused", "preempted"]);

export default function Overview() {
  const client = useQueryClient();
  const may = useMay();
  const runs = useQuery({ queryKey: ["runs", "newest"], queryFn: () => told(api.GET("/api/v1/runs", { params: { query: { limit: 20 } } })) });
  // What works longest is not among the newest.
  const running = useQuery({ queryKey: ["runs", "running"], queryFn: () => told(api.GET("/api/v1/runs", { params: { query: { state: "running", limit: 20 } } })) });
  const reviews = useQuery({ queryKey: ["reviews"], queryFn: () => told(api.GET("/api/v1/reviews")), enabled: may("reviews.list") });
  const again = () => void client.invalidateQueries({ queryKey: ["runs"] });
  useTopic(
    "runs",
    (message) => {
      if (message.type !== "run") return;
      const known = [...(runs.data?.items ?? []), ...(running.data?.items ?? [])].find((run) => run.id === message.id);
      if (known ? known.version !== message.version : message.state === "queued" || message.state === "running") again();
    },
    again,
  );
  useTopic(may("reviews.list") ? "reviews" : null, () => void client.invalidateQueries({ queryKey: ["reviews"] }));
  const newest = runs.data?.items ?? [];
  const atWork = [...newest.filter((run) => AT_WORK.has(run.state)), ...(running.data?.items ?? [])].filter((run, place, all) => all.findIndex((one) => one.id === run.id) === place);
  const waiting = reviews.data?.items ?? [];
  return (
    <>
      <div className="runhead">
        <h1>Overview</h1>
        <div className="actions">
          {may("runs.create") && (
            <Link className="btn primary" to="/runs/new">
              New run
            </Link>
          )}
        </div>
      </div>
      <Of query={runs} rows={6}>
        {(found) =>
          found.items.length ? (
            <div className="grid flush">
              <AtWork runs={atWork} />
              <Machine />
              <Failing waiting={waiting} newest={found.items} />
              {may("ledger.list") && <Ledger />}
              <Last runs={found.items.filter((run) => run.ended).slice(0, 8)} />
            </div>
          ) : (
            <First />
          )
        }
      </Of>
    </>
  );
}

function AtWork({ runs }: { runs: Run[] }) {
  return (
    <Card title="At work" icon={Activity} className="c8">
      {runs.length ? (
        <ul className="rows">
          {runs.map((run) => (
            <Working key={run.id} run={run} />
          ))}
        </ul>
      ) : (
        <p className="muted">Nothing runs at the moment.</p>
      )}
    </Card>
  );
}

function Working({ run }: { run: Run }) {
  const seen = useProgress(run.id);
  const left = seen ? secondsLeft(seen) : null;
  return (
    <li>
      <span className="two">
        <Link to={"/runs/$run" as never} params={{ run: run.id } as never}>
          {run.recipe}
        </Link>
        <span className="muted sm">{run.state === "queued" ? run.waits || "waits for a slot" : run.stage || "begins"}</span>
      </span>
      <Dots run={run} />
      <State state={run.state} />
      {seen && seen.progress.total > 0 && (
        <span className="working">
          <Meter label={`${run.recipe}, ${seen.stage}: ${seen.progress.what}`} done={seen.progress.done} total={seen.progress.total} />
          <span className="muted num sm">
            {seen.progress.done.toLocaleString("en")} of {seen.progress.total.toLocaleString("en")} {seen.progress.what}
            {left !== null && ` · ${duration(left)} left in this stage`}
          </span>
        </span>
      )}
    </li>
  );
}

function Machine() {
  const [sample, setSample] = useState<Schemas["SystemSample"] | null>(null);
  useTopic("system", (message) => {
    if (message.type === "system") setSample(message);
  });
  return (
    <Card title="This machine" icon={Cpu} className="c4">
      {sample ? (
        <dl className="meters">
          {(["cpu", "memory", "disk"] as const).map((part) => (
            <div key={part}>
              <dt>{PARTS[part]}</dt>
              <dd>
                <Meter label={PARTS[part]} done={sample[part]} total={1} />
                <span className="num">{Math.round(100 * sample[part])} %</span>
              </dd>
            </div>
          ))}
          <div>
            <dt>Slots</dt>
            <dd className="num">
              {sample.slots === null ? "no core answers" : `${sample.taken} of ${sample.slots} taken`}
              {sample.queue > 0 && `, ${sample.queue} waiting`}
            </dd>
          </div>
        </dl>
      ) : (
        <p className="muted">The first figures come in a few seconds.</p>
      )}
    </Card>
  );
}

function Failing({ waiting, newest }: { waiting: Schemas["WaitingOut"][]; newest: Run[] }) {
  const runs = newest.filter((run) => dots(run).some((one) => one.tone === "bad")).slice(0, 5);
  return (
    <Card title="Failing gates" icon={ShieldAlert} className="c8">
      {waiting.length || runs.length ? (
        <ul className="rows">
          {waiting.map((one) => (
            <li key={one.id}>
              <span className="two">
                <Link to={"/runs/$run" as never} params={{ run: one.run } as never}>
                  {newest.find((run) => run.id === one.run)?.recipe} <span className="mono sm">{one.run.slice(-8)}</span>
                </Link>
                <span className="muted sm">
                  the {one.stage} gate missed {one.missed.map((finding) => finding.metric.replaceAll("_", " ")).join(", ")}
                </span>
              </span>
              <State state="awaiting_review" />
            </li>
          ))}
          {runs.map((run) => (
            <li key={run.id}>
              <span className="two">
                <Link to={"/runs/$run" as never} params={{ run: run.id } as never}>
                  {run.recipe}
                </Link>
                <span className="muted sm" title={run.reason}>
                  {run.reason || dots(run).find((one) => one.tone === "bad")!.said}
                </span>
              </span>
              <Dots run={run} />
              <State state={run.state} />
            </li>
          ))}
        </ul>
      ) : (
        <p className="muted">No gate of the newest runs was missed, and none waits for a person.</p>
      )}
    </Card>
  );
}

function Last({ runs }: { runs: Run[] }) {
  const now = useNow();
  return (
    <Card
      title="Last finished"
      icon={History}
      className="c12"
      aside={
        <Link className="sm" to="/runs">
          All runs
        </Link>
      }
    >
      {runs.length ? (
        <ul className="rows">
          {runs.map((run) => (
            <li key={run.id}>
              <span className="two">
                <Link to={"/runs/$run" as never} params={{ run: run.id } as never}>
                  {run.recipe} <span className="mono sm">{run.id.slice(-8)}</span>
                </Link>
                <span className="muted sm">{run.reason || headline(run)}</span>
              </span>
              <Dots run={run} />
              <State state={run.state} />
              <time className="muted sm lastcol" dateTime={run.ended ?? run.created}>
                {ago(run.ended ?? run.created, now)}
              </time>
            </li>
          ))}
        </ul>
      ) : (
        <p className="muted">No run has ended yet.</p>
      )}
    </Card>
  );
}

function headline(run: Run): string {
  const found = kpi(run.metrics);
  if (!found) return "nothing measured";
  return `${found.name} ${number(found.value)}${found.difference === null ? "" : `, ${signed(found.difference)} against the baseline`}`;
}

function Ledger() {
  const may = useMay();
  const client = useQueryClient();
  const now = useNow();
  const doing = useDoing();
  const [last, setLast] = useState(lastVerified);
  const head = useQuery({ queryKey: ["ledger", "head"], queryFn: () => told(api.GET("/api/v1/ledger/entries", { params: { query: { start: 0, limit: 1 } } })) });
  useTopic("ledger", () => void client.invalidateQueries({ queryKey: ["ledger", "head"] }));
  const verify = () =>
    doing.run(async () => {
      const found = await told(api.GET("/api/v1/ledger/check"));
      setLast(keepVerified(found.size, found.ok));
    });
  return (
    <Card title="Ledger" icon={Link2} className="c4">
      <Of query={head} rows={1}>
        {(found) => (
          <p>
            <b className="big num">{found.size.toLocaleString("en")}</b> <span className="muted">entries, signed at the head</span>
          </p>
        )}
      </Of>
      <div role="status">
        {last ? (
          <p className="verdict" data-ok={last.ok || undefined}>
            {last.ok ? <Check size={18} aria-hidden /> : <X size={18} aria-hidden />}
            <span title={on(last.time)}>
              {last.ok ? `${last.size.toLocaleString("en")} entries verified` : "Not as signed"} {ago(last.time, now)}
            </span>
          </p>
        ) : (
          <p className="muted">Not verified from this browser yet.</p>
        )}
      </div>
      {doing.error !== null && <Trouble error={doing.error} />}
      <div className="actions spaced">
        {may("ledger.verify") && (
          <Button className="btn" isPending={doing.busy} onPress={() => void verify()}>
            {doing.busy ? "Verifying …" : "Verify now"}
          </Button>
        )}
        <Link className="btn" to="/ledger">
          Open ledger
        </Link>
      </div>
    </Card>
  );
}

const STEPS = ["Bring rows in, or take the sample", "Train a recipe; every gate is judged on rows it never saw", "Deploy what was certified", "Ask it, and watch it"];

function First() {
  const may = useMay();
  const client = useQueryClient();
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const start = async () => {
    setBusy(true);
    setError(null);
    try {
      await told(api.POST("/api/v1/runs", { body: { recipe: "quickstart" } as never }));
      await client.invalidateQueries({ queryKey: ["runs"] });
    } catch (refused) {
      setError(refused);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Card title="Four steps to a model you can trust" icon={Sparkles}>
      <ol className="steps">
        {STEPS.map((step) => (
          <li key={step}>{step}</li>
        ))}
      </ol>
      {may("runs.create") && (
        <Button className="btn primary" isPending={busy} onPress={() => void start()}>
          <Rocket size={16} aria-hidden />
          Start the 2-minute sample run
        </Button>
      )}
      {error !== null && <Trouble error={error} />}
    </Card>
  );
}
