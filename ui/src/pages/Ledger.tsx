// What happened, signed: entries, and the whole ledger proven here in the browser and on the server.
import { useMutation, useQuery } from "@tanstack/react-query";
import { Check, Cpu, Download, Link2, Server, X } from "lucide-react";
import { useCallback, useEffect, useRef, useState } from "react";
import { Button } from "react-aria-components";
import { api, told, type Schemas } from "../api/client";
import type { Found } from "../ledger/worker";
import { useTopic } from "../live/hooks";
import { Card } from "../parts/Card";
import { Meter } from "../parts/Meter";
import { on, short } from "../parts/say";
import { Table, type Column } from "../parts/Table";
import { Empty, Of, Trouble } from "../parts/Wait";

type Entry = Schemas["EntryOut"];
const PAGE = 200;
const COLUMNS: Column<Entry>[] = [
  { id: "index", name: "Index", width: "80px", cell: (entry) => <span className="num">{entry.index}</span> },
  { id: "type", name: "What", width: "minmax(150px,1fr)", cell: (entry) => <span className="mono sm">{entry.type}</span> },
  { id: "subject", name: "To what", width: "minmax(160px,1.4fr)", cell: (entry) => <span className="mono sm clip">{short(entry.subject)}</span> },
  { id: "actor", name: "By whom", width: "minmax(120px,1fr)", narrow: true, cell: (entry) => <span className="mono sm clip">{entry.actor}</span> },
  { id: "time", name: "When", width: "170px", end: true, narrow: true, cell: (entry) => <time dateTime={entry.time}>{on(entry.time)}</time> },
];

export default function Ledger() {
  const [entries, setEntries] = useState<Entry[]>([]);
  const head = useQuery({ queryKey: ["ledger", "head"], queryFn: () => told(api.GET("/api/v1/ledger/entries", { params: { query: { start: 0, limit: 1 } } })) });
  useTopic("ledger", () => void head.refetch());
  const size = head.data?.size ?? 0;
  const loading = useRef(false);
  // Newest first: pages are asked for from the end.
  const more = useCallback(async () => {
    const lowest = entries.at(-1)?.index ?? size;
    if (loading.current || lowest <= 0) return;
    loading.current = true;
    const start = Math.max(0, lowest - PAGE);
    try {
      const page = await told(api.GET("/api/v1/ledger/entries", { params: { query: { start, limit: lowest - start } } }));
      setEntries((before) => [...before, ...page.items.reverse()]);
    } finally {
      loading.current = false;
    }
  }, [entries, size]);
  useEffect(() => {
    if (size && !entries.length) void more();
  }, [size, entries.length, more]);
  return (
    <>
      <div className="runhead">
        <h1>Ledger</h1>
        <div className="actions">
          <a className="btn" href="/api/v1/ledger/checkpoint" download="checkpoint.txt">
            <Download size={16} aria-hidden />
            Checkpoint
          </a>
        </div>
      </div>
      <div className="grid flush">
        <InBrowser size={size} />
        <OnServer />
      </div>
      <div className="spaced">
        <Of query={head} rows={6}>
          {(found) =>
            found.size ? (
              <Table label="Ledger entries" columns={COLUMNS} rows={entries} id={(entry) => String(entry.index)} more={() => void more()} />
            ) : (
              <Empty icon={Link2} title="The ledger is empty">
                <p className="muted">Its first entry is made with the first run.</p>
              </Empty>
            )
          }
        </Of>
      </div>
    </>
  );
}

function InBrowser({ size }: { size: number }) {
  const key = useQuery({ queryKey: ["ledger", "key"], queryFn: () => told(api.GET("/api/v1/ledger/key", { parseAs: "text" })) });
  const [found, setFound] = useState<Found | null>(null);
  const worker = useRef<Worker | null>(null);
  useEffect(() => () => worker.current?.terminate(), []);
  const begin = () => {
    worker.current?.terminate();
    setFound({ type: "progress", done: 0, total: size });
    worker.current = new Worker(new URL("../ledger/worker.ts", import.meta.url), { type: "module" });
    worker.current.onmessage = ({ data }: MessageEvent<Found>) => setFound(data);
    worker.current.postMessage({ key: key.data });
  };
  const busy = found?.type === "progress";
  return (
    <Card
      title="In this browser"
      icon={Cpu}
      className="c8"
      aside={
        <Button className="btn primary" isPending={busy} isDisabled={!key.data || !size} onPress={begin}>
          {busy ? "Counting every entry …" : "Verify here"}
        </Button>
      }
    >
      <p className="muted sm">
        Every entry is fetched and counted again under the signed root, by code of this page. Key: <span className="mono wrap">{key.data?.trim() ?? "…"}</span>
      </p>
      {found?.type === "progress" && <Meter label="Entries counted" done={found.done} total={Math.max(1, found.total)} />}
      {found?.type === "done" && (
        <div role="status" className="verdict" data-ok={found.ok || undefined}>
          {found.ok ? <Check size={18} aria-hidden /> : <X size={18} aria-hidden />}
          {found.ok ? (
            <p>
              All {found.size.toLocaleString("en")} entries verified in {found.seconds.toFixed(2)} s. Root <span className="mono sm">{short(found.root)}</span>
            </p>
          ) : (
            <p>
              {found.why}
              {found.expected && (
                <span className="mono sm wrap">
                  <br />
                  expected {found.expected}
                  <br />
                  found {found.found}
                </span>
              )}
            </p>
          )}
        </div>
      )}
    </Card>
  );
}

function OnServer() {
  const check = useMutation({ mutationFn: () => told(api.GET("/api/v1/ledger/check")) });
  return (
    <Card
      title="On the server"
      icon={Server}
      className="c4"
      aside={
        <Button className="btn" isPending={check.isPending} onPress={() => check.mutate()}>
          {check.isPending ? "Reading the disk …" : "Verify there"}
        </Button>
      }
    >
      <p className="muted sm">The files on its disk, under every root that was ever signed.</p>
      {check.error && <Trouble error={check.error} />}
      {check.data && (
        <ul className="criteria" role="status">
          {check.data.checks.map((one) => (
            <li key={one.name}>
              {one.ok ? <Check size={15} color="var(--ok)" role="img" aria-label="as signed" /> : <X size={15} color="var(--bad)" role="img" aria-label="not as signed" />}
              <span className="mono sm">{one.name}</span>
              <span className="muted sm">{one.detail}</span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
