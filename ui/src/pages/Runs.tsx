// All runs: where each stands, what it measured, and what one may do with it. Filters are in the address.
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { GitCompare, Plus, X } from "lucide-react";
import { useCallback, useEffect, useRef, useState } from "react";
import { Button } from "react-aria-components";
import { meQuery, useMay } from "../api/session";
import { isPlain } from "../shell/keys";
import { Filters } from "./runs/Filters";
import { Found } from "./runs/Found";
import { Queue } from "./runs/Queue";
import { clean, narrowed, type Search } from "./runs/search";
import "./runs/runs.css";
import { Views } from "./runs/Views";

const MOST_COMPARED = 4;

export default function Runs() {
  const go = useNavigate();
  const may = useMay();
  const me = useQuery(meQuery).data;
  const search = clean(useSearch({ strict: false }));
  const [chosen, setChosen] = useState<Set<string>>(new Set());

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
      {!narrowed(search) && <Queue />}
      <Filters search={search} set={set} />
      <Found search={search} me={me?.user ?? ""} chosen={chosen} choose={choose} all={() => take({})} />
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
