// One run: where it stands, its gates, and everything that was measured, said and signed about it.
import { usePrefetchQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Ban, ExternalLink, Pause, Play } from "lucide-react";
import { Suspense, useState } from "react";
import { Button, Tab, TabList, TabPanel, Tabs } from "react-aria-components";
import { api, told, type Schemas } from "../api/client";
import { useMay } from "../api/session";
import { useTopic } from "../live/hooks";
import { Meter } from "../parts/Meter";
import { useNow } from "../parts/now";
import { State } from "../parts/Pill";
import { soon } from "../parts/soon";
import { duration, on } from "../parts/say";
import { Of, Trouble, Waiting } from "../parts/Wait";
import { Fork } from "./run/Fork";
import { Gates } from "./run/Gates";
import { gates, summary } from "./run/gates";
import { curvesOf, reportsOf } from "./run/measured";
import { Review } from "./run/Review";

type Run = Schemas["RunOut"];
const panel = soon<{ run: Run }>;
const TABS = [
  { id: "metrics", name: "Metrics", ...panel(() => import("./run/Metrics")) },
  { id: "config", name: "Config", ...panel(() => import("./run/Config")) },
  { id: "data", name: "Data", ...panel(() => import("./run/Data")) },
  { id: "reports", name: "Reports", ...panel(() => import("./run/Reports")) },
  { id: "samples", name: "Try it", ...panel(() => import("./run/Samples")) },
  { id: "logs", name: "Logs", ...panel(() => import("./run/Logs")) },
  { id: "artifacts", name: "Artifacts", ...panel(() => import("./run/Artifacts")) },
  { id: "provenance", name: "Provenance", ...panel(() => import("./run/Provenance")) },
];
// What is shown first is there before the page is.
const tabOf = (asked: unknown) => TABS.find((one) => one.id === asked) ?? TABS[0]!;
export const ready = tabOf(new URLSearchParams(location.search).get("tab")).load().catch(() => undefined);

export default function RunPage() {
  const { run: id } = useParams({ strict: false }) as { run: string };
  const client = useQueryClient();
  const [progress, setProgress] = useState<Schemas["Progress"] | null>(null);
  const run = useQuery({ queryKey: ["run", id], queryFn: () => told(api.GET("/api/v1/runs/{run}", { params: { path: { run: id } } })) });
  const verdicts = useQuery({
    queryKey: ["run", id, "verdicts"],
    queryFn: () => told(api.GET("/api/v1/runs/{run}/verdicts", { params: { path: { run: id } } })),
  });
  usePrefetchQuery(curvesOf(id)); // which the first tab shows, once the run itself is there
  usePrefetchQuery(reportsOf(id));
  useTopic(
    `run/${id}`,
    (message) => {
      if (message.type === "record") {
        const before = client.getQueryData<Run>(["run", id]);
        client.setQueryData(["run", id], message.run);
        if (before?.stage !== message.run.stage || before?.state !== message.run.state) {
          setProgress(null);
          void client.invalidateQueries({ queryKey: ["run", id, "verdicts"] });
          void client.invalidateQueries({ queryKey: ["run", id, "reports"] });
        }
      }
    },
    () => void client.invalidateQueries({ queryKey: ["run", id] }),
  );
  useTopic("runs", (message) => {
    if (message.type === "run" && message.id === id && message.progress) setProgress(message.progress);
  });
  if (run.error && !run.data)
    return (
      <>
        <h1>Run</h1>
        <Trouble error={run.error} again={() => void run.refetch()} />
      </>
    );
  return (
    <Of query={run} rows={6}>
      {(found) => (
        <>
          <Header run={found} progress={progress} />
          <Of query={verdicts}>
            {(judged) => (
              <>
                <Gates gates={gates(found, judged.items)} said={summary(found, judged.items)} />
                {found.state === "awaiting_review" && <Review run={found} verdicts={judged.items} />}
              </>
            )}
          </Of>
          <Panels run={found} />
        </>
      )}
    </Of>
  );
}

function Header({ run, progress }: { run: Run; progress: Schemas["Progress"] | null }) {
  const now = useNow(1);
  const begun = run.started ?? run.created;
  const lasted = ((run.ended ? Date.parse(run.ended) : now) - Date.parse(begun)) / 1000;
  const left = progress && progress.total > progress.done && progress.done > 0;
  return (
    <div className="runhead">
      <div>
        <h1>{run.recipe}</h1>
        <div className="meta sm">
          <State state={run.state} />
          {run.state === "queued" && <span className="muted">{run.waits}</span>}
          {run.reason && <span className="muted">{run.reason}</span>}
          <span className="muted num">
            {run.ended ? `took ${duration(lasted)}` : `${duration(lasted)} elapsed`}
          </span>
          <time className="muted" dateTime={run.created}>
            {on(run.created)}
          </time>
          {run.attempt > 1 && <span className="muted">attempt {run.attempt}</span>}
        </div>
        {run.state === "running" && left && (
          <div className="headmeter">
            <Meter label={progress.what} done={progress.done} total={progress.total} />
            <span className="muted num sm">
              {progress.done.toLocaleString("en")} of {progress.total.toLocaleString("en")} {progress.what}
            </span>
          </div>
        )}
      </div>
      <Actions run={run} />
    </div>
  );
}

const RESUMABLE = new Set(["paused", "lost_contact", "failed_platform", "preempted"]);

function Actions({ run }: { run: Run }) {
  const may = useMay();
  const client = useQueryClient();
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const ask = async (command: "pause" | "resume" | "cancel") => {
    setBusy(true);
    setError(null);
    try {
      const path = `/api/v1/runs/{run}/${command}` as "/api/v1/runs/{run}/pause";
      client.setQueryData(["run", run.id], await told(api.POST(path, { params: { path: { run: run.id } } })));
    } catch (refused) {
      setError(refused);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div>
      <div className="actions">
        {run.ended && (
          <a className="btn" href={`/api/v1/runs/${run.id}/report.html`} target="_blank" rel="noreferrer">
            <ExternalLink size={16} aria-hidden />
            Report
          </a>
        )}
        <Fork run={run} />
        {["running", "queued"].includes(run.state) && may("runs.cancel", run.owner) && (
          <Button className="btn" isDisabled={busy} onPress={() => void ask("cancel")}>
            <Ban size={16} aria-hidden />
            Cancel run
          </Button>
        )}
        {run.state === "running" && may("runs.pause", run.owner) && (
          <Button className="btn primary" isDisabled={busy} onPress={() => void ask("pause")}>
            <Pause size={16} aria-hidden />
            Pause run
          </Button>
        )}
        {RESUMABLE.has(run.state) && may("runs.resume", run.owner) && (
          <Button className="btn primary" isDisabled={busy} onPress={() => void ask("resume")}>
            <Play size={16} aria-hidden />
            Resume run
          </Button>
        )}
      </div>
      {error !== null && <Trouble error={error} />}
    </div>
  );
}

function Panels({ run }: { run: Run }) {
  const { tab } = useSearch({ strict: false }) as { tab?: string };
  const go = useNavigate();
  const chosen = tabOf(tab).id;
  return (
    <Tabs
      className="tabs"
      selectedKey={chosen}
      onSelectionChange={(key) => void go({ to: ".", search: (key === TABS[0]!.id ? {} : { tab: key }) as never, replace: true })}
    >
      <TabList aria-label="About this run" className="tablist">
        {TABS.map((one) => (
          <Tab key={one.id} id={one.id} className="tab">
            {one.name}
          </Tab>
        ))}
      </TabList>
      {TABS.map((one) => (
        <TabPanel key={one.id} id={one.id} className="panel">
          <Suspense fallback={<Waiting rows={5} />}>
            <one.view run={run} />
          </Suspense>
        </TabPanel>
      ))}
    </Tabs>
  );
}
