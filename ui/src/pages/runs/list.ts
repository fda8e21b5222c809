// The runs of the page, page by page, kept as they are now: a run that changes is read alone, whatever the length of the
// list.
import { useQueryClient, type InfiniteData } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { api, told, type Schemas } from "../../api/client";
import { useList } from "../../api/lists";
import { useTopic } from "../../live/hooks";
import { fits, placed, query, type Row, type Search } from "./search";

const PER_PAGE = 100;
const MOST_AT_ONCE = 20;
const GATHER_MS = 400;
// How a training goes is told by no change of its run; of what is at work it is read again now and then.
const WATCHED_MS = 10_000;

export function useRuns(search: Search, me: string) {
  const client = useQueryClient();
  const key = ["runs", "list", query(search, me)];
  const list = useList<Row>(key, (after) => told(api.GET("/api/v1/runs", { params: { query: { ...query(search, me), after, limit: PER_PAGE } } })));
  const changed = useRef(new Set<string>());
  const looked = useRef(new Map<string, number>());
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  const put = (id: string, row: Row | null) => {
    const fitting = row && fits(row, search, me) ? row : null;
    client.setQueryData<InfiniteData<Schemas["RunList"]>>(key, (before) => before && { ...before, pages: placed(before.pages, id, fitting, search.order === "oldest") });
  };
  /** Read runs again, each alone. */
  const refresh = async (ids: string[]) => {
    if (ids.length > MOST_AT_ONCE) return client.invalidateQueries({ queryKey: key });
    await Promise.all(
      ids.map(async (id) => {
        const found = await told(api.GET("/api/v1/runs", { params: { query: { named: id, limit: 1 } } }));
        put(id, found.items.find((one) => one.id === id) ?? null);
      }),
    );
  };
  const latest = useRef(refresh);
  latest.current = refresh;
  useTopic(
    "runs",
    (message) => {
      if (message.type !== "run") return;
      const known = list.items.find((run) => run.id === message.id);
      const now = Date.now();
      const fresh = !known || known.stage !== "train" || now - (looked.current.get(message.id) ?? 0) < WATCHED_MS;
      if (known?.version === message.version && !message.deleted && fresh) return;
      looked.current.set(message.id, now);
      changed.current.add(message.id);
      timer.current ??= setTimeout(() => {
        const ids = [...changed.current];
        changed.current.clear();
        timer.current = undefined;
        // What can't be read now is read when the connection is back: the topic is told again then.
        latest.current(ids).catch(() => client.invalidateQueries({ queryKey: ["runs"], refetchType: "none" }));
        void client.invalidateQueries({ queryKey: ["runs", "queue"] });
      }, GATHER_MS);
    },
    () => void client.invalidateQueries({ queryKey: ["runs"] }),
  );
  useEffect(() => () => clearTimeout(timer.current), []);
  return { ...list, refresh };
}
