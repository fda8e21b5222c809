// At a glance: what runs, what waits for a person, what was finished last, how the machine and the ledger are.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Activity, Cpu, Eye, History, Link2, Rocket, Sparkles } from "lucide-react";
import { useState } from "react";
import { Button } from "react-aria-components";
import { api, told, type Schemas } from "../api/client";
import { useMay } from "../api/session";
import { useTopic } from "../live/hooks";
import { Card } from "../parts/Card";
import { Meter } from "../parts/Meter";
import { useNow } from "../parts/now";
import { State } from "../parts/Pill";
import { ago, number } from "../parts/say";
import { Of, Trouble } from "../parts/Wait";

type Run = Schemas["RunOut"];
const PARTS = { cpu: "Processor", memory: "Memory", disk: "Disk" };
const AT_WORK = new Set(["queued", "running", "cancelling", "lost_contact", "paused", "preempted"]);

export default function Overview() {
  const client = useQueryClient();
  const may = useMay();
  const runs = useQuery({ queryKey: ["runs", "newest"], queryFn: () => told(api.GET("/api/v1/runs", { params: { query: { limit: 20 } } })) });
  const reviews = useQuery({ queryKey: ["reviews"], queryFn: () => told(api.GET("/api/v1/reviews")), enabled: may("reviews.list") });
  const [progress, setProgress] = useState<Record<string, Schemas["Progress"]>>({});
  useTopic("runs", (message) => {
    if (message.type !== "run") return;
    const { progress: at } = message;
    if (at) setProgress((before) => ({ ...before, [message.id]: at }));
    const known = runs.data?.items.find((run) => run.id === message.id);
    if (known?.version !== message.version) void client.invalidateQueries({ queryKey: ["runs"] });
  });
  useTopic(may("reviews.list") ? "reviews" : null, () => void client.invalidateQueries({ queryKey: ["reviews"] }));
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
            <div className="grid">
              <AtWork runs={found.items.filter((run) => AT_WORK.has(run.state))} progress={progress} />
              <Machine />
              {reviews.data && reviews.data.items.length > 0 && <Waiting items={reviews.data.items} />}
              <Last runs={found.items.filter((run) => !AT_WORK.has(run.state)).slice(0, 8)} />
              {may("ledger.list") && <Ledger />}
            </div>
          ) : (
            <First />
          )
        }
      </Of>
    </>
  );
}

function AtWork({ runs, progress }: { runs: Run[]; progress: Record<string, Schemas["Progress"]> }) {
  return (
    <Card title="At work" icon={Activity} className="c8">
      {runs.length ? (
        <ul className="rows">
          {runs.map((run) => {
            const at = progress[run.id];
            return (
              <li key={run.id}>
                <span className="two">
                  <Link to={"/runs/$run" as never} params={{ run: run.id } as never}>
                    {run.recipe}
                  </Link>
                  <span className="muted sm">{run.state === "queued" ? run.waits || "waits for a slot" : run.stage}</span>
                </span>
                <State state={run.state} />
                {at && at.total > 0 && (
                  <span className="grow">
                    <Meter label={at.what} done={at.done} total={at.total} />
                    <span className="muted num sm">
                      {at.done.toLocaleString("en")} of {at.total.toLocaleString("en")} {at.what}
                    </span>
                  </span>
                )}
              </li>
            );
          })}
        </ul>
      ) : (
        <p className="muted">Nothing runs at the moment.</p>
      )}
    </Card>
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

function Waiting({ items }: { items: Schemas["WaitingOut"][] }) {
  return (
    <Card title="Waits for a person" icon={Eye} className="c12">
      <ul className="rows">
        {items.map((one) => (
          <li key={one.id}>
            <Link to={"/runs/$run" as never} params={{ run: one.run } as never}>
              {one.run.slice(-8)}
            </Link>
            <span>the {one.stage} gate</span>
            <span className="muted sm grow">{one.missed.map((finding) => finding.metric.replaceAll("_", " ")).join(", ")}</span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Last({ runs }: { runs: Run[] }) {
  const now = useNow();
  return (
    <Card title="Last finished" icon={History} className="c8">
      {runs.length ? (
        <ul className="rows">
          {runs.map((run) => (
            <li key={run.id}>
              <span className="two">
                <Link to={"/runs/$run" as never} params={{ run: run.id } as never}>
                  {run.recipe}
                </Link>
                <span className="muted sm clip">{run.reason || Object.entries(run.metrics).slice(0, 2).map(([name, value]) => `${name.replaceAll("_", " ")} ${number(value)}`).join(" · ")}</span>
              </span>
              <State state={run.state} />
              <time className="muted sm end" dateTime={run.ended ?? run.created}>
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

function Ledger() {
  const head = useQuery({ queryKey: ["ledger", "head"], queryFn: () => told(api.GET("/api/v1/ledger/entries", { params: { query: { start: 0, limit: 1 } } })) });
  return (
    <Card title="Ledger" icon={Link2} className="c4">
      <Of query={head} rows={1}>
        {(found) => (
          <p>
            <b className="big num">{found.size.toLocaleString("en")}</b> <span className="muted">entries</span>
          </p>
        )}
      </Of>
      <Link className="btn" to="/ledger">
        Verify it
      </Link>
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
