// What waits, in the order in which it is started; a run is moved by its priority.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ArrowDown, ArrowUp, ListOrdered } from "lucide-react";
import { memo, useState } from "react";
import { Button } from "react-aria-components";
import { api, told } from "../../api/client";
import { useMay } from "../../api/session";
import { useDoing } from "../../parts/Act";
import { Fold } from "../../parts/Card";
import { speak } from "../../parts/spoken";
import { Trouble } from "../../parts/Wait";
import { isPlain } from "../../shell/keys";
import { earlier, inOrder, later } from "./queue";
import type { Row } from "./search";

const MOST = 200;
const FIRST = 20;

/** The queue; null while nothing waits. */
export const Queue = memo(function Queue() {
  const [whole, setWhole] = useState(false);
  const client = useQueryClient();
  const may = useMay();
  const doing = useDoing();
  const waiting = useQuery({ queryKey: ["runs", "queue"], queryFn: () => told(api.GET("/api/v1/runs", { params: { query: { state: "queued", limit: MOST } } })) });
  if (waiting.error && !waiting.data) return <Trouble error={waiting.error} again={() => void waiting.refetch()} />;
  const queue = inOrder(waiting.data?.items ?? []);
  if (!queue.length) return null;
  const move = (run: Row, priority: number | null, where: string) => {
    if (priority === null) return speak(`${run.recipe} is ${where === "earlier" ? "the first" : "the last"} already.`);
    void doing.run(async () => {
      const headers = { "If-Match": `"${run.version}"` };
      try {
        await told(api.PATCH("/api/v1/runs/{run}", { params: { path: { run: run.id } }, body: { priority }, headers }));
        speak(`${run.recipe} is started ${where}: priority ${priority}.`);
      } finally {
        await client.invalidateQueries({ queryKey: ["runs"] });
      }
    });
  };
  return (
    <Fold title={`Queue: ${queue.length}${waiting.data?.next ? " and more" : ""}`} icon={ListOrdered} open={queue.length < 6}>
      {doing.error !== null && <Trouble error={doing.error} />}
      <ol className="rows queue">
        {(whole ? queue : queue.slice(0, FIRST)).map((run, place) => {
          const mine = may("runs.update", run.owner);
          const [up, down] = [earlier(queue, run.id), later(queue, run.id)];
          return (
            <li
              key={run.id}
              onKeyDown={(event) => {
                if (!mine || !isPlain(event.nativeEvent)) return;
                if (event.key === "+") move(run, up, "earlier");
                if (event.key === "-") move(run, down, "later");
              }}
            >
              <b className="num muted">{place + 1}</b>
              <span className="two">
                <Link to={"/runs/$run" as never} params={{ run: run.id } as never}>
                  {run.recipe} <span className="mono sm">{run.id.slice(-8)}</span>
                </Link>
                <span className="muted sm">
                  {run.waits || "waits for a slot"} · {run.by}
                </span>
              </span>
              <span className="muted sm num">priority {run.priority}</span>
              {mine && (
                <span className="actions">
                  <Button className="btn sq" isDisabled={up === null || doing.busy} aria-label={`Start ${run.recipe} ${run.id.slice(-8)} earlier`} onPress={() => move(run, up, "earlier")}>
                    <ArrowUp size={16} aria-hidden />
                  </Button>
                  <Button className="btn sq" isDisabled={down === null || doing.busy} aria-label={`Start ${run.recipe} ${run.id.slice(-8)} later`} onPress={() => move(run, down, "later")}>
                    <ArrowDown size={16} aria-hidden />
                  </Button>
                </span>
              )}
            </li>
          );
        })}
      </ol>
      {!whole && queue.length > FIRST && (
        <Button className="btn" onPress={() => setWhole(true)}>
          Show all {queue.length}
        </Button>
      )}
    </Fold>
  );
});
