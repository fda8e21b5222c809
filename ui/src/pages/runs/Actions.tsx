// The menu of one row. One menu serves all rows: a table has many, and only one is ever open.
import { useNavigate } from "@tanstack/react-router";
import { Ban, GitFork, Pause, Pin, PinOff, Play, Trash2, UserMinus, Users, type LucideIcon } from "lucide-react";
import { useState, type RefObject } from "react";
import { Button, Menu, MenuItem, Popover } from "react-aria-components";
import { api, told } from "../../api/client";
import { useMay } from "../../api/session";
import { Sheet, useDoing, type Doing } from "../../parts/Act";
import { speak } from "../../parts/spoken";
import { Trouble } from "../../parts/Wait";
import { doable, type Doable } from "./actions";
import type { Row } from "./search";

type Given = { run: Row | null; anchor: RefObject<HTMLElement | null>; close: () => void; doing: Doing; done: (ids: string[]) => Promise<unknown> };

const label = (what: Doable, run: Row): [string, LucideIcon] =>
  ({
    pause: ["Pause run", Pause],
    resume: ["Resume run", Play],
    cancel: ["Cancel run", Ban],
    fork: ["Fork into a new run", GitFork],
    share: run.shared ? ["Share no longer", UserMinus] : ["Share with the house", Users],
    pin: run.pinned ? ["Unpin run", PinOff] : ["Pin run", Pin],
    delete: ["Delete run …", Trash2],
  })[what] as [string, LucideIcon];

export function Actions({ run, anchor, close, doing, done }: Given) {
  const may = useMay();
  const go = useNavigate();
  const [dropping, setDropping] = useState<Row | null>(null);
  const act = (what: Doable, on: Row) => {
    if (what === "fork") return void go({ to: "/runs/new" as never, search: { from: on.id } as never });
    if (what === "delete") return setDropping(on);
    void doing.run(async () => {
      const path = { run: on.id };
      const headers = { "If-Match": `"${on.version}"` };
      if (what === "share") await told(api.PUT("/api/v1/runs/{run}/share", { params: { path }, body: { shared: !on.shared }, headers }));
      else if (what === "pin") await told(api.PUT("/api/v1/runs/{run}/pin", { params: { path }, body: { pinned: !on.pinned }, headers }));
      else await told(api.POST(`/api/v1/runs/{run}/${what}` as "/api/v1/runs/{run}/pause", { params: { path } }));
      speak(`${label(what, on)[0]}: ${on.recipe}, done.`);
      await done([on.id]);
    });
  };
  const offered = run ? doable(run, may) : [];
  return (
    <>
      <Popover className="pop" triggerRef={anchor} isOpen={run !== null} onOpenChange={(is) => !is && close()} placement="bottom end">
        {run && (
          <Menu
            className="found"
            aria-label={`What to do with ${run.recipe} ${run.id.slice(-8)}`}
            autoFocus="first"
            disabledKeys={offered.filter(([, why]) => why).map(([what]) => what)}
            onAction={(key) => {
              close();
              act(key as Doable, run);
            }}
            onClose={close}
          >
            {offered.map(([what, why]) => {
              const [name, Icon] = label(what, run);
              return (
                <MenuItem key={what} id={what} className="opt" textValue={why ? `${name}: ${why}` : name}>
                  <Icon size={15} aria-hidden />
                  {name}
                  {why && <span className="muted sm end">{why}</span>}
                </MenuItem>
              );
            })}
          </Menu>
        )}
      </Popover>
      <Sheet open={dropping !== null} close={() => setDropping(null)} title={`Delete ${dropping?.recipe} ${dropping?.id.slice(-8)}?`}>
        {dropping && <Drop run={dropping} close={() => setDropping(null)} done={done} />}
      </Sheet>
    </>
  );
}

function Drop({ run, close, done }: { run: Row; close: () => void; done: (ids: string[]) => Promise<unknown> }) {
  const doing = useDoing();
  const drop = () =>
    doing.run(async () => {
      await told(api.DELETE("/api/v1/runs/{run}", { params: { path: { run: run.id } }, headers: { "If-Match": `"${run.version}"` } }));
      close();
      speak(`${run.recipe} ${run.id.slice(-8)} is deleted.`);
      await done([run.id]);
    });
  return (
    <>
      <p>Its folder, its log and what it measured are gone for good. What it published stays, and the ledger says that it was deleted.</p>
      {doing.error !== null && <Trouble error={doing.error} />}
      <div className="actions">
        <Button className="btn" onPress={close} autoFocus>
          Keep run
        </Button>
        <Button className="btn bad" isPending={doing.busy} onPress={() => void drop()}>
          <Trash2 size={16} aria-hidden />
          Delete run
        </Button>
      </div>
    </>
  );
}
