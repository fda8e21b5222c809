// Files of rows: brought in with progress, looked at, mapped to what a task needs, fetched, deleted.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Database, FlaskConical, UploadCloud } from "lucide-react";
import { useCallback } from "react";
import { Button, Input, SearchField } from "react-aria-components";
import { api, told, type Schemas } from "../api/client";
import { useList } from "../api/lists";
import { useMay } from "../api/session";
import { Card } from "../parts/Card";
import { bytes } from "../parts/say";
import { Empty, Trouble, Waiting } from "../parts/Wait";
import { Bring } from "./datasets/Bring";
import { One } from "./datasets/One";
import "./pages.css";

type Dataset = Schemas["DatasetOut"];
type Search = { id?: string; name?: string };
const SAMPLE = "support_tickets";

export default function Datasets() {
  const may = useMay();
  const go = useNavigate();
  const client = useQueryClient();
  const search = useSearch({ strict: false }) as Search;
  const name = search.name || undefined;
  const list = useList<Dataset>(["datasets", name ?? ""], (after) => told(api.GET("/api/v1/datasets", { params: { query: { after, name, limit: 100 } } })));
  const chosen = search.id ?? list.items[0]?.id;
  const show = useCallback((id: string | undefined) => void go({ to: "/datasets" as never, search: (id ? { id } : {}) as never, replace: true }), [go]);
  const sample = useMutation({
    mutationFn: () => told(api.POST("/api/v1/datasets/samples/{sample}", { params: { path: { sample: SAMPLE } } })),
    onSuccess: async (made) => {
      await client.invalidateQueries({ queryKey: ["datasets"] });
      show(made.id);
    },
  });
  const useSample = may("datasets.create") && (
    <Button className="btn" isPending={sample.isPending} onPress={() => sample.mutate()}>
      <FlaskConical size={16} aria-hidden />
      {sample.isPending ? "Bringing it in …" : "Use the sample"}
    </Button>
  );
  const none = !list.isPending && !list.error && !list.items.length;
  return (
    <>
      <div className="runhead">
        <h1>Datasets</h1>
      </div>
      {may("uploads.create") && <Bring made={show}>{none && !name && useSample}</Bring>}
      {sample.error && <Trouble error={sample.error} again={() => sample.mutate()} />}
      {list.error && !list.items.length ? (
        <Trouble error={list.error} again={() => void list.refetch()} />
      ) : list.isPending ? (
        <Waiting rows={5} />
      ) : none && !name && !search.id ? (
        <Empty icon={UploadCloud} title="No datasets yet">
          <p className="muted">
            {may("uploads.create") ? "Drop a file above, or use the sample: support tickets that ship with Engram." : "Nobody has shared one with you."}
          </p>
        </Empty>
      ) : (
        <div className="grid">
          <Card title="Files" icon={Database} className="c4">
            <SearchField
              className="spacious"
              aria-label="Find a dataset by the beginning of its name"
              value={name ?? ""}
              onChange={(said) => void go({ to: "/datasets" as never, search: (said ? { name: said } : {}) as never, replace: true })}
            >
              <Input className="field" placeholder="Name begins with" />
            </SearchField>
            {none && <p className="muted">No name begins so.</p>}
            <ul className="choices" aria-label="Datasets">
              {list.items.map((one) => (
                <li key={one.id}>
                  <Button className="choice" aria-current={one.id === chosen || undefined} onPress={() => void go({ to: "/datasets" as never, search: { ...(name ? { name } : {}), id: one.id } as never })}>
                    <span className="two">
                      <b>{one.name}</b>
                      <span className="muted sm num">
                        {one.rows.toLocaleString("en")} rows · {bytes(one.bytes)}
                      </span>
                    </span>
                    <span className="muted mono sm">{one.format}</span>
                  </Button>
                </li>
              ))}
            </ul>
            {list.hasNextPage && (
              <Button className="btn" isPending={list.isFetchingNextPage} onPress={() => void list.fetchNextPage()}>
                Show more
              </Button>
            )}
          </Card>
          {chosen && <One key={chosen} id={chosen} gone={() => show(undefined)} />}
        </div>
      )}
    </>
  );
}
