// Who did what, to what, with which outcome; exported as CSV, and proven to be whole.
import { useMutation } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Download, FileClock, ShieldCheck } from "lucide-react";
import { Button, Input, SearchField } from "react-aria-components";
import { api, told, type Schemas } from "../api/client";
import { useList } from "../api/lists";
import { useMay } from "../api/session";
import { Pill } from "../parts/Pill";
import { on } from "../parts/say";
import { Table, type Column } from "../parts/Table";
import { Empty, Trouble, Waiting } from "../parts/Wait";

type Line = Schemas["LineOut"];
type Search = { operation?: string; actor?: string; subject?: string };
const COLUMNS: Column<Line>[] = [
  { id: "time", name: "When", width: "180px", cell: (line) => <time dateTime={line.time}>{on(line.time)}</time> },
  { id: "operation", name: "Operation", width: "minmax(150px,1fr)", cell: (line) => <span className="mono sm">{line.operation}</span> },
  { id: "actor", name: "Who", width: "minmax(140px,1fr)", narrow: true, cell: (line) => <span className="mono sm clip">{line.actor || "nobody"}</span> },
  { id: "subject", name: "To what", width: "minmax(140px,1fr)", narrow: true, cell: (line) => <span className="mono sm clip">{line.subject}</span> },
  { id: "outcome", name: "Outcome", width: "120px", end: true, cell: (line) => <Pill tone={line.outcome === "allowed" ? "ok" : "bad"}>{line.outcome}</Pill> },
];

export default function Audit() {
  const search = useSearch({ strict: false }) as Search;
  const go = useNavigate();
  const may = useMay();
  const query = { operation: search.operation || undefined, actor: search.actor || undefined, subject: search.subject || undefined };
  const list = useList<Line>(["audit", query], (after) => told(api.GET("/api/v1/audit", { params: { query: { ...query, after, limit: 100 } } })), 15_000);
  const check = useMutation({ mutationFn: () => told(api.GET("/api/v1/audit/check")) });
  const set = (more: Search) =>
    void go({ to: "/audit" as never, search: Object.fromEntries(Object.entries({ ...search, ...more }).filter(([, value]) => value)) as never, replace: true });
  const asked = new URLSearchParams(Object.entries(query).filter((pair): pair is [string, string] => Boolean(pair[1]))).toString();
  return (
    <>
      <div className="runhead">
        <h1>Audit log</h1>
        <div className="actions">
          {may("audit.export") && (
            <a className="btn" href={`/api/v1/audit/export?${asked}`} download="audit.csv">
              <Download size={16} aria-hidden />
              Export CSV
            </a>
          )}
          {may("audit.verify") && (
            <Button className="btn" isPending={check.isPending} onPress={() => check.mutate()}>
              <ShieldCheck size={16} aria-hidden />
              {check.isPending ? "Checking …" : "Check the chain"}
            </Button>
          )}
        </div>
      </div>
      {check.error && <Trouble error={check.error} />}
      {check.data && (
        <p role="status">
          <Pill tone="ok">All {check.data.size.toLocaleString("en")} lines are as they were written</Pill>
        </p>
      )}
      <div className="filters" role="search" aria-label="Filter the audit">
        {(["operation", "actor", "subject"] as const).map((name) => (
          <SearchField key={name} aria-label={name} value={search[name] ?? ""} onChange={(value) => set({ [name]: value })}>
            <Input className="field" placeholder={name.charAt(0).toUpperCase() + name.slice(1)} />
          </SearchField>
        ))}
      </div>
      {list.error && !list.items.length ? (
        <Trouble error={list.error} again={() => void list.refetch()} />
      ) : list.isPending ? (
        <Waiting rows={8} />
      ) : list.items.length ? (
        <Table
          label="Audit log"
          columns={COLUMNS}
          rows={list.items}
          id={(line) => String(line.id)}
          more={() => {
            if (list.hasNextPage && !list.isFetchingNextPage) void list.fetchNextPage();
          }}
        />
      ) : (
        <Empty icon={FileClock} title={asked ? "No lines match" : "Nothing was done yet"} />
      )}
    </>
  );
}
