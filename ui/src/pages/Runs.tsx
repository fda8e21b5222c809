// All runs: where each stands, what it measured, and what one may do with it. Filters are in the address.
import { useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Activity, GitCompare, Plus } from "lucide-react";
import { useState } from "react";
import { Button, Input, Label, ListBox, ListBoxItem, Popover, SearchField, Select, SelectValue } from "react-aria-components";
import { api, told, type Schemas } from "../api/client";
import { useList } from "../api/lists";
import { useMay } from "../api/session";
import { useTopic } from "../live/hooks";
import { Meter } from "../parts/Meter";
import { State } from "../parts/Pill";
import { ago, number, words } from "../parts/say";
import { Table, type Column } from "../parts/Table";
import { Empty, Trouble, Waiting } from "../parts/Wait";
import { useNow } from "../parts/now";

type Run = Schemas["RunOut"];
type Progress = Schemas["Progress"];
const STATES = ["", "queued", "running", "awaiting_review", "paused", "published", "refused", "failed_user", "failed_platform", "cancelled"];

export default function Runs() {
  const client = useQueryClient();
  const go = useNavigate();
  const may = useMay();
  const search = useSearch({ strict: false }) as { state?: string; recipe?: string };
  const now = useNow();
  const [progress, setProgress] = useState<Record<string, Progress>>({});
  const [chosen, setChosen] = useState<Set<string>>(new Set());
  const query = { state: search.state || undefined, recipe: search.recipe || undefined };
  const key = ["runs", query];
  const list = useList<Run>(key, (after) => told(api.GET("/api/v1/runs", { params: { query: { ...query, after } } })));

  useTopic(
    "runs",
    (message) => {
      if (message.type !== "run") return;
      const { progress: at } = message;
      setProgress((before) => (at ? { ...before, [message.id]: at } : before));
      if (message.deleted || list.items.find((run) => run.id === message.id)?.version !== message.version) {
        void client.invalidateQueries({ queryKey: ["runs"] });
      }
    },
    () => void client.invalidateQueries({ queryKey: ["runs"] }),
  );

  const set = (more: typeof search) => void go({ to: "/runs", search: clean({ ...search, ...more }) as never, replace: true });
  const choose = (id: string) =>
    setChosen((before) => {
      const next = new Set(before);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  const columns: Column<Run>[] = [
    { id: "run", name: "Run", width: "minmax(180px,1.4fr)", cell: (run) => <Name run={run} /> },
    { id: "state", name: "Status", width: "minmax(130px,1fr)", cell: (run) => <State state={run.state} /> },
    { id: "stage", name: "Stage", width: "minmax(150px,1.2fr)", narrow: true, cell: (run) => <Stage run={run} progress={progress[run.id]} /> },
    { id: "kpi", name: "Measured", width: "minmax(140px,1fr)", narrow: true, cell: (run) => <Kpi metrics={run.metrics} /> },
    { id: "created", name: "Begun", width: "110px", end: true, narrow: true, cell: (run) => <time dateTime={run.created}>{ago(run.created, now)}</time> },
  ];
  const filtered = Boolean(query.state || query.recipe);
  const two = [...chosen];
  return (
    <>
      <div className="runhead">
        <h1>Runs</h1>
        <div className="actions">
          {two.length === 2 && (
            <Link className="btn" to="/compare" search={{ a: two[0], b: two[1] } as never}>
              <GitCompare size={16} aria-hidden />
              Compare the two
            </Link>
          )}
          {may("runs.create") && (
            <Link className="btn primary" to="/runs/new">
              <Plus size={16} aria-hidden />
              New run
            </Link>
          )}
        </div>
      </div>
      <div className="filters" role="search" aria-label="Filter runs">
        <SearchField aria-label="Recipe" value={search.recipe ?? ""} onChange={(recipe) => set({ recipe })}>
          <Input className="field" placeholder="Recipe" data-filter />
        </SearchField>
        <Select aria-label="Status" selectedKey={search.state ?? ""} onSelectionChange={(state) => set({ state: String(state) })}>
          <Label className="sr">Status</Label>
          <Button className="btn selbtn">
            <SelectValue />
          </Button>
          <Popover className="pop">
            <ListBox>
              {STATES.map((state) => (
                <ListBoxItem key={state} id={state} className="opt" textValue={state ? words(state) : "Every status"}>
                  {state ? words(state) : "Every status"}
                </ListBoxItem>
              ))}
            </ListBox>
          </Popover>
        </Select>
      </div>
      {list.error && !list.items.length ? (
        <Trouble error={list.error} again={() => void list.refetch()} />
      ) : list.isPending ? (
        <Waiting rows={8} />
      ) : list.items.length ? (
        <Table
          label="Runs"
          columns={columns}
          rows={list.items}
          id={(run) => run.id}
          open={(run) => void go({ to: "/runs/$run" as never, params: { run: run.id } as never })}
          more={() => {
            if (list.hasNextPage && !list.isFetchingNextPage) void list.fetchNextPage();
          }}
          chosen={chosen}
          choose={choose}
        />
      ) : (
        <Empty icon={Activity} title={filtered ? "No runs match" : "No runs yet"}>
          {filtered ? (
            <Button className="btn" onPress={() => set({ state: "", recipe: "" })}>
              Show all
            </Button>
          ) : (
            may("runs.create") && (
              <Link className="btn primary" to="/runs/new">
                Start the first one
              </Link>
            )
          )}
        </Empty>
      )}
    </>
  );
}

function Name({ run }: { run: Run }) {
  return (
    <span className="two">
      <Link to={"/runs/$run" as never} params={{ run: run.id } as never}>
        {run.recipe}
      </Link>
      <span className="muted mono sm">{run.id.slice(-8)}</span>
    </span>
  );
}

function Stage({ run, progress }: { run: Run; progress?: Progress }) {
  if (run.state === "queued") return <span className="muted sm">{run.waits || "waits for a slot"}</span>;
  if (run.state !== "running") return <span className="muted sm clip">{run.reason || run.stage}</span>;
  return (
    <span className="two">
      <span className="sm">{run.stage}</span>
      {progress && progress.total > 0 && <Meter label={`${run.stage}: ${progress.what}`} done={progress.done} total={progress.total} />}
    </span>
  );
}

function Kpi({ metrics }: { metrics: Record<string, number> }) {
  const [first] = Object.entries(metrics);
  if (!first) return <span className="muted">–</span>;
  return (
    <span className="two">
      <b className="num">{number(first[1])}</b>
      <span className="muted sm">{first[0].replaceAll("_", " ")}</span>
    </span>
  );
}

const clean = (search: Record<string, string | undefined>) => Object.fromEntries(Object.entries(search).filter(([, value]) => value));
