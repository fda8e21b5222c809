// Who did what, to what, with which outcome; exported as CSV, and proven to be whole.
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Check, Download, FileClock, ShieldCheck } from "lucide-react";
import { Button, Input, Label, SearchField, TextField } from "react-aria-components";
import { api, told, type Schemas } from "../api/client";
import { useList } from "../api/lists";
import { useMay } from "../api/session";
import { Sheet } from "../parts/Act";
import { Long } from "../parts/Long";
import { Pill } from "../parts/Pill";
import { on, short } from "../parts/say";
import { Table, type Column } from "../parts/Table";
import { Empty, Trouble, Waiting } from "../parts/Wait";
import "./pages.css";

type Line = Schemas["LineOut"];
type Search = { operation?: string; actor?: string; subject?: string; from?: string; to?: string; line?: string };
const FILTERS = [
  ["operation", "Operation"],
  ["actor", "Who, by id"],
  ["subject", "To what, by id"],
] as const;

/** A day of this browser's calendar as the moment at which it begins, or after which it is over. */
export function moment(day: string | undefined, end = false): string | undefined {
  if (!day || !/^\d{4}-\d\d-\d\d$/.test(day)) return undefined;
  const [year, month, date] = day.split("-").map(Number) as [number, number, number];
  return new Date(year, month - 1, date + (end ? 1 : 0)).toISOString().replace(/\.\d+Z$/, "Z");
}

export default function Audit() {
  const search = useSearch({ strict: false }) as Search;
  const go = useNavigate();
  const may = useMay();
  const query = { operation: search.operation, actor: search.actor, subject: search.subject, from: moment(search.from), to: moment(search.to, true) };
  const list = useList<Line>(["audit", query], (after) => told(api.GET("/api/v1/audit", { params: { query: { ...query, after, limit: 100 } } })), 15_000);
  const people = useQuery({ queryKey: ["users", "names"], enabled: may("users.list"), queryFn: () => told(api.GET("/api/v1/users", { params: { query: { limit: 200 } } })) });
  const named = (id: string) => (id ? (people.data?.items.find((one) => one.id === id)?.name ?? short(id)) : "nobody");
  const check = useMutation({ mutationFn: () => told(api.GET("/api/v1/audit/check")) });
  const set = (more: Search) =>
    void go({ to: "/audit" as never, search: Object.fromEntries(Object.entries({ ...search, ...more }).filter(([, value]) => value)) as never, replace: true });
  const asked = new URLSearchParams(Object.entries(query).filter((pair): pair is [string, string] => Boolean(pair[1]))).toString();
  const line = list.items.find((one) => String(one.id) === search.line);
  const columns: Column<Line>[] = [
    { id: "time", name: "When", width: "190px", narrow: true, cell: (one) => <time className="sm" dateTime={one.time}>{on(one.time)}</time> },
    {
      id: "operation",
      name: "Operation",
      width: "minmax(150px,1fr)",
      cell: (one) => (
        <span className="two">
          <span className="mono sm">{one.operation}</span>
          <span className="only-s muted sm">
            {named(one.actor)} · {on(one.time)}
          </span>
        </span>
      ),
    },
    { id: "actor", name: "Who", width: "minmax(110px,1fr)", narrow: true, cell: (one) => <span className="sm clip">{named(one.actor)}</span> },
    { id: "subject", name: "To what", width: "minmax(140px,1fr)", narrow: true, cell: (one) => <span className="mono sm clip">{short(one.subject)}</span> },
    { id: "outcome", name: "Outcome", width: "120px", end: true, cell: (one) => <Pill tone={one.outcome === "allowed" ? "ok" : "bad"}>{one.outcome}</Pill> },
  ];
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
              {check.isPending ? "Checking …" : "Check every line"}
            </Button>
          )}
        </div>
      </div>
      {check.error && <Trouble error={check.error} />}
      {check.data && (
        <div className="verdict" data-ok role="status">
          <Check size={18} aria-hidden />
          <p>
            All {check.data.size.toLocaleString("en")} lines are as they were written. The last one: <Long value={check.data.digest} what="digest" />
          </p>
        </div>
      )}
      <div className="filters spaced" role="search" aria-label="Filter the audit">
        {FILTERS.map(([name, label]) => (
          <SearchField key={name} aria-label={label} value={search[name] ?? ""} onChange={(value) => set({ [name]: value, line: undefined })}>
            <Input className="field" placeholder={label} />
          </SearchField>
        ))}
        {(["from", "to"] as const).map((name) => (
          <TextField key={name} className="day" value={search[name] ?? ""} onChange={(value) => set({ [name]: value, line: undefined })}>
            <Label>{name === "from" ? "From" : "To"}</Label>
            <Input className="field" type="date" />
          </TextField>
        ))}
      </div>
      {list.error && !list.items.length ? (
        <Trouble error={list.error} again={() => void list.refetch()} />
      ) : list.isPending ? (
        <Waiting rows={8} />
      ) : list.items.length ? (
        <Table
          label="Audit log"
          columns={columns}
          rows={list.items}
          id={(one) => String(one.id)}
          open={(one) => set({ line: String(one.id) })}
          more={() => {
            if (list.hasNextPage && !list.isFetchingNextPage) void list.fetchNextPage();
          }}
        />
      ) : (
        <Empty icon={FileClock} title={asked ? "No lines match" : "Nothing was done yet"}>
          {asked && (
            <Button className="btn" onPress={() => void go({ to: "/audit" as never, search: {} as never, replace: true })}>
              Show every line
            </Button>
          )}
        </Empty>
      )}
      {line && (
        <Sheet open close={() => set({ line: undefined })} title={`Line ${line.id}`}>
          <dl className="facts">
            <dt>Operation</dt>
            <dd className="mono sm">{line.operation}</dd>
            <dt>Outcome</dt>
            <dd>
              {line.outcome}
              {line.reason && `: ${line.reason}`}
            </dd>
            <dt>When</dt>
            <dd>{on(line.time)}</dd>
            <dt>Who</dt>
            <dd>
              {named(line.actor)} {line.actor && <Long value={line.actor} what="user" />} <span className="muted sm">{line.via && `by ${line.via}`}</span>
            </dd>
            <dt>To what</dt>
            <dd>
              <Long value={line.subject} what="subject" />
            </dd>
            <dt>From</dt>
            <dd className="mono sm">{line.address || "–"}</dd>
            <dt>Request</dt>
            <dd>
              <Long value={line.request} what="request" />
            </dd>
            <dt>Digest</dt>
            <dd>
              <Long value={line.digest} what="digest" />
            </dd>
          </dl>
          {Object.keys(line.detail).length > 0 && (
            <pre className="well mono sm pad wrap" tabIndex={0} aria-label="Detail of the line">
              {JSON.stringify(line.detail, null, 2)}
            </pre>
          )}
          <div className="actions">
            {line.subject && (
              <Button className="btn" onPress={() => set({ subject: line.subject, line: undefined })}>
                All about it
              </Button>
            )}
            <Button className="btn primary" onPress={() => set({ line: undefined })}>
              Close
            </Button>
          </div>
        </Sheet>
      )}
    </>
  );
}
