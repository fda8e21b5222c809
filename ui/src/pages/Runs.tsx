// All runs: where each stands, what it measured, and what one may do with it. Filters are in the address.
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Activity, Ellipsis, GitCompare, Plus, X } from "lucide-react";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Button } from "react-aria-components";
import { meQuery, useMay } from "../api/session";
import { useDoing } from "../parts/Act";
import { Table, type Column } from "../parts/Table";
import { Empty, Trouble, Waiting } from "../parts/Wait";
import { isPlain } from "../shell/keys";
import { Actions } from "./runs/Actions";
import { Begun, Dots, Kpi, Lasted, Name, RunCard, Stage, Status } from "./runs/cells";
import { Filters } from "./runs/Filters";
import { useRuns } from "./runs/list";
import { Queue } from "./runs/Queue";
import { clean, narrowed, type Row, type Search } from "./runs/search";
import "./runs/runs.css";
import { Views } from "./runs/Views";

const MOST_COMPARED = 4;

export default function Runs() {
  const go = useNavigate();
  const may = useMay();
  const me = useQuery(meQuery).data;
  const search = clean(useSearch({ strict: false }));
  const [chosen, setChosen] = useState<Set<string>>(new Set());
  const [menu, setMenu] = useState<Row | null>(null);
  const anchor = useRef<HTMLElement | null>(null);
  const doing = useDoing();
  const list = useRuns(search, me?.user ?? "");
  // What others share may be read; whose reach is wider has a role of his own, or is an Admin.
  const own = (run: Row) => run.owner === me?.user || !["developer", "viewer"].includes(me?.role ?? "viewer");

  const set = (more: Search) => void go({ to: "/runs", search: clean({ ...search, ...more }) as never, replace: true });
  const take = (view: Search) => void go({ to: "/runs", search: clean(view) as never });
  const choose = useCallback(
    (id: string) =>
      setChosen((before) => {
        const next = new Set(before);
        if (!next.delete(id)) next.add(id);
        return next;
      }),
    [],
  );
  const picked = [...chosen];
  const compare = () => void go({ to: "/compare" as never, search: { a: picked[0], b: picked.slice(1).join(",") } as never });
  const comparable = picked.length >= 2 && picked.length <= MOST_COMPARED && may("runs.compare");
  const openMenu = useCallback((run: Row, button: HTMLElement) => {
    anchor.current = button;
    setMenu(run);
  }, []);
  const columns = useMemo<Column<Row>[]>(
    () => [
      { id: "run", name: "Run", width: "minmax(130px,1.2fr)", cell: (run) => <Name run={run} /> },
      { id: "state", name: "Status", width: "minmax(130px,1.3fr)", cell: (run) => <Status run={run} /> },
      { id: "stage", name: "Stage", width: "minmax(110px,1fr)", cell: (run) => <Stage run={run} /> },
      { id: "gates", name: "Gates", width: "90px", cell: (run) => <Dots run={run} /> },
      { id: "kpi", name: "Measured", width: "minmax(110px,1fr)", cell: (run) => <Kpi run={run} /> },
      { id: "by", name: "Owner", width: "minmax(70px,.6fr)", cell: (run) => <span className="sm clip">{run.by}</span> },
      { id: "lasted", name: "Duration", width: "80px", end: true, cell: (run) => <Lasted run={run} /> },
      { id: "created", name: "Begun", width: "96px", end: true, cell: (run) => <Begun run={run} /> },
      { id: "menu", name: "Actions", width: "40px", end: true, cell: (run) => <More run={run} open={openMenu} /> },
    ],
    [openMenu],
  );
  const more = useCallback(() => {
    if (list.hasNextPage && !list.isFetchingNextPage) void list.fetchNextPage();
  }, [list]);
  useCompareKey(comparable ? compare : null);
  const few = picked.length === 1 ? "One is selected; a comparison needs two" : picked.length > MOST_COMPARED ? `At most ${MOST_COMPARED} can be compared` : "";
  return (
    <>
      <div className="runhead">
        <h1>Runs</h1>
        <div className="actions">
          {picked.length > 0 && (
            <span className="picked">
              <Button className="btn" isDisabled={!comparable} onPress={compare}>
                <GitCompare size={16} aria-hidden />
                Compare {picked.length}
              </Button>
              <Button className="btn sq" aria-label="Select none" onPress={() => setChosen(new Set())}>
                <X size={16} aria-hidden />
              </Button>
              {few && <span className="muted sm">{few}</span>}
            </span>
          )}
          <Views search={search} take={take} />
          {may("runs.create") && (
            <Link className="btn primary" to={"/runs/new" as never}>
              <Plus size={16} aria-hidden />
              New run
            </Link>
          )}
        </div>
      </div>
      {!narrowed(search) && <Queue own={own} />}
      <Filters search={search} set={set} />
      {doing.error !== null && (
        <div className="line">
          <div className="grow">
            <Trouble error={doing.error} />
          </div>
          <Button className="btn sq" aria-label="Dismiss" onPress={doing.clear}>
            <X size={16} aria-hidden />
          </Button>
        </div>
      )}
      {list.error && <Trouble error={list.error} again={() => void list.refetch()} />}
      {list.isPending ? (
        <Waiting rows={8} />
      ) : list.items.length ? (
        <>
          <Table
            label="Runs"
            columns={columns}
            rows={list.items}
            id={idOf}
            named={nameOf}
            open={(run) => void go({ to: "/runs/$run" as never, params: { run: run.id } as never })}
            more={more}
            chosen={chosen}
            choose={choose}
            card={{ height: 138, view: (run) => <Carded run={run} open={openMenu} /> }}
          />
          <p className="muted sm num" role="status">
            {list.isFetchingNextPage ? "Reading more …" : `${list.items.length.toLocaleString("en")} ${list.hasNextPage ? "read; more as you scroll" : list.items.length === 1 ? "run" : "runs"}`}
          </p>
        </>
      ) : list.error ? null : (
        <Empty icon={Activity} title={narrowed(search) ? "No runs match" : "No runs yet"}>
          {narrowed(search) ? (
            <Button className="btn" onPress={() => take({})}>
              Show all
            </Button>
          ) : (
            may("runs.create") && (
              <Link className="btn primary" to={"/runs/new" as never}>
                Start the first one
              </Link>
            )
          )}
        </Empty>
      )}
      <Actions run={menu} anchor={anchor} close={() => setMenu(null)} own={menu !== null && own(menu)} doing={doing} done={list.refresh} />
    </>
  );
}

const idOf = (run: Row): string => run.id;
const nameOf = (run: Row): string => `${run.recipe} ${run.id.slice(-8)}`;

function More({ run, open }: { run: Row; open: (run: Row, button: HTMLElement) => void }) {
  return (
    <button type="button" className="btn sq quiet" aria-haspopup="menu" aria-label={`What to do with ${nameOf(run)}`} onClick={(event) => open(run, event.currentTarget)}>
      <Ellipsis size={17} aria-hidden />
    </button>
  );
}

function Carded({ run, open }: { run: Row; open: (run: Row, button: HTMLElement) => void }) {
  return (
    <>
      <RunCard run={run} />
      <More run={run} open={open} />
    </>
  );
}

/** `c` compares what is selected. */
function useCompareKey(act: (() => void) | null): void {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    const hear = (event: KeyboardEvent) => {
      if (event.key !== "c" || !latest.current || event.defaultPrevented || !isPlain(event) || document.querySelector("[role=dialog]")) return;
      event.preventDefault();
      latest.current();
    };
    addEventListener("keydown", hear);
    return () => removeEventListener("keydown", hear);
  }, []);
}
