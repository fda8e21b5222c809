// The whole ledger proven twice: by code of this page, in a worker, and by the server from its disk.
import { useMutation, useQuery } from "@tanstack/react-query";
import { Check, Cpu, Server, X } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { Button } from "react-aria-components";
import { api, told } from "../../api/client";
import { useMay } from "../../api/session";
import { keepVerified } from "../../ledger/last";
import type { Found } from "../../ledger/worker";
import { Card } from "../../parts/Card";
import { Long } from "../../parts/Long";
import { Meter } from "../../parts/Meter";
import { Trouble } from "../../parts/Wait";

export function InBrowser({ size, open }: { size: number; open: (index: number) => void }) {
  const [found, setFound] = useState<Found | null>(null);
  const worker = useRef<Worker | null>(null);
  const key = useQuery({ queryKey: ["ledger", "key"], staleTime: Infinity, queryFn: () => told(api.GET("/api/v1/ledger/key", { parseAs: "text" })) as Promise<string> });
  useEffect(() => () => worker.current?.terminate(), []);
  const busy = found?.type === "progress";
  const begin = () => {
    worker.current?.terminate();
    const made = new Worker(new URL("../../ledger/worker.ts", import.meta.url), { type: "module" });
    worker.current = made;
    setFound({ type: "progress", done: 0, total: size });
    made.onmessage = ({ data }: MessageEvent<Found>) => {
      setFound(data);
      if (data.type === "done") keepVerified(data.ok ? data.size : size, data.ok);
    };
    made.onerror = () => setFound({ type: "done", ok: false, why: "The browser could not count." });
    made.postMessage({ key: key.data });
  };
  const stop = () => {
    worker.current?.terminate();
    setFound(null);
  };
  return (
    <Card
      title="In this browser"
      icon={Cpu}
      className="c8"
      aside={
        busy ? (
          <Button className="btn" onPress={stop}>
            Stop
          </Button>
        ) : (
          <Button className="btn primary" isDisabled={!key.data || !size} onPress={begin}>
            Verify here
          </Button>
        )
      }
    >
      <p className="muted sm">
        Every entry is fetched and counted again under the signed root, by code of this page. The key that must have signed it: {key.data ? <Long value={key.data.trim()} what="key" /> : "…"}
      </p>
      {key.error && <Trouble error={key.error} again={() => void key.refetch()} />}
      {busy && (
        <div className="stack" role="status">
          <Meter label="Entries counted" done={found.done} total={Math.max(1, found.total)} />
          <span className="muted sm num">
            {found.done.toLocaleString("en")} of {found.total.toLocaleString("en")} entries
          </span>
        </div>
      )}
      {found?.type === "done" && (
        <div role="status" className="verdict" data-ok={found.ok || undefined}>
          {found.ok ? <Check size={18} aria-hidden /> : <X size={18} aria-hidden />}
          {found.ok ? (
            <p>
              All {found.size.toLocaleString("en")} entries verified in {found.seconds.toFixed(2)} s. Root <Long value={found.root} what="root" />
            </p>
          ) : (
            <div>
              <p>{found.why}</p>
              {found.expected && (
                <p className="mono sm wrap">
                  expected {found.expected}
                  <br />
                  found {found.found}
                </p>
              )}
              {found.index !== undefined && (
                <Button className="btn" onPress={() => open(found.index!)}>
                  Show entry {found.index}
                </Button>
              )}
            </div>
          )}
        </div>
      )}
    </Card>
  );
}

export function OnServer() {
  const may = useMay();
  const check = useMutation({ mutationFn: () => told(api.GET("/api/v1/ledger/check")) });
  if (!may("ledger.verify")) return null;
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
        <ul className="criteria flat" role="status">
          {check.data.checks.map((one) => (
            <li key={one.name}>
              {one.ok ? <Check size={15} color="var(--ok)" role="img" aria-label="as signed" /> : <X size={15} color="var(--bad)" role="img" aria-label="not as signed" />}
              <span className="grow">
                <span className="mono sm">{one.name}</span> <span className="muted sm wrap">{one.detail}</span>
              </span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
