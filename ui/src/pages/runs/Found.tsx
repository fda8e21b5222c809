// The runs that were found, in a table of any length, and what one may do with each.
import { Link, useNavigate } from "@tanstack/react-router";
import { Activity, Ellipsis, X } from "lucide-react";
import { useCallback, useMemo, useRef, useState } from "react";
import { Button } from "react-aria-components";
import { useMay } from "../../api/session";
import { useDoing } from "../../parts/Act";
import { Table, type Column } from "../../parts/Table";
import { Empty, Trouble, Waiting } from "../../parts/Wait";
import { Actions } from "./Actions";
import { Begun, Dots, Kpi, Lasted, Name, RunCard, Stage, Status } from "./cells";
import { useRuns } from "./list";
import { narrowed, type Row, type Search } from "./search";

type Given = { search: Search; me: string; chosen: Set<string>; choose: (id: string) => void; all: () => void };

export function Found({ search, me, chosen, choose, all }: Given) {
  const go = useNavigate();
  const may = useMay();
  const [menu, setMenu] = useState<Row | null>(null);
  const anchor = useRef<HTMLElement | null>(null);
  const doing = useDoing();
  const list = useRuns(search, me);
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
      { id: "kpi", name: "Measured", width: "minmax(152px,1fr)", cell: (run) => <Kpi run={run} /> },
      { id: "by", name: "Owner", width: "minmax(70px,.6fr)", cell: (run) => <span className="sm clip">{run.by}</span> },
      { id: "lasted", name: "Duration", width: "80px", end: true, cell: (run) => <Lasted run={run} /> },
      { id: "created", name: "Begun", width: "96px", end: true, cell: (run) => <Begun run={run} /> },
      { id: "menu", name: "Actions", width: "40px", end: true, cell: (run) => <More run={run} open={openMenu} /> },
    ],
    [openMenu],
  );
  const card = useMemo(() => ({ height: 138, view: (run: Row) => <Carded run={run} open={openMenu} /> }), [openMenu]);
  const open = useCallback((run: Row) => void go({ to: "/runs/$run" as never, params: { run: run.id } as never }), [go]);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list;
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  return (
    <>
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
            open={open}
            more={more}
            chosen={chosen}
            choose={choose}
            card={card}
          />
          <p className="muted sm num" role="status">
            {list.isFetchingNextPage ? "Reading more …" : `${list.items.length.toLocaleString("en")} ${list.hasNextPage ? "read; more as you scroll" : list.items.length === 1 ? "run" : "runs"}`}
          </p>
        </>
      ) : list.error ? null : (
        <Empty icon={Activity} title={narrowed(search) ? "No runs match" : "No runs yet"}>
          {narrowed(search) ? (
            <Button className="btn" onPress={all}>
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
      <Actions run={menu} anchor={anchor} close={() => setMenu(null)} doing={doing} done={list.refresh} />
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
