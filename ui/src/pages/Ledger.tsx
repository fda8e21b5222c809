// What happened, signed: entries, one in full, and the whole ledger proven here in the browser and on the server.
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Download, Link2 } from "lucide-react";
import { useEffect } from "react";
import { Button, Input, SearchField } from "react-aria-components";
import { api, told, type Schemas } from "../api/client";
import { useList } from "../api/lists";
import { useTopic } from "../live/hooks";
import { Pick } from "../parts/Pick";
import { on, short } from "../parts/say";
import { Table, type Column } from "../parts/Table";
import { Empty, Trouble, Waiting } from "../parts/Wait";
import { EntrySheet } from "./ledger/EntrySheet";
import { InBrowser, OnServer } from "./ledger/Verify";
import "./pages.css";

type Entry = Schemas["EntryOut"];
type Search = { type?: string; subject?: string; entry?: string };
const PAGE = 100;
const TYPES = [
  "artifact.certified",
  "audit.rooted",
  "dataset.deleted",
  "dataset.registered",
  "deployment.changed",
  "home.created",
  "key.rotated",
  "run.declared",
  "run.deleted",
  "run.judged",
  "run.refused",
  "run.reviewed",
  "template.deleted",
  "template.registered",
  "user.deleted",
];
const COLUMNS: Column<Entry>[] = [
  { id: "index", name: "Index", width: "80px", narrow: true, cell: (entry) => <span className="num">{entry.index}</span> },
  {
    id: "type",
    name: "What",
    width: "minmax(150px,1fr)",
    cell: (entry) => (
      <span className="two">
        <span className="mono sm">{entry.type}</span>
        <span className="only-s muted sm">
          {entry.index} · {on(entry.time)}
        </span>
      </span>
    ),
  },
  { id: "subject", name: "To what", width: "minmax(160px,1.4fr)", cell: (entry) => <span className="mono sm clip">{short(entry.subject)}</span> },
  { id: "actor", name: "By whom", width: "minmax(120px,1fr)", narrow: true, cell: (entry) => <span className="mono sm clip">{short(entry.actor)}</span> },
  { id: "time", name: "When", width: "190px", end: true, narrow: true, cell: (entry) => <time className="sm" dateTime={entry.time}>{on(entry.time)}</time> },
];

export default function Ledger() {
  const search = useSearch({ strict: false }) as Search;
  const go = useNavigate();
  const client = useQueryClient();
  const { type, subject } = search;
  const list = useList<Entry>(["ledger", "newest", type ?? "", subject ?? ""], async (after) => {
    const query = { before: after === undefined ? undefined : Number(after), limit: PAGE, type, subject };
    const page = await told(api.GET("/api/v1/ledger/newest", { params: { query } }));
    return { ...page, next: page.next === null ? null : String(page.next) };
  });
  useTopic("ledger", () => void client.invalidateQueries({ queryKey: ["ledger", "newest"] }), () => void client.invalidateQueries({ queryKey: ["ledger", "newest"] }));
  const { hasNextPage, isFetchingNextPage, fetchNextPage, items } = list;
  // A rare type may not be among the entries that one request looks through.
  useEffect(() => {
    if (items.length < PAGE / 2 && hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [items.length, hasNextPage, isFetchingNextPage, fetchNextPage]);
  const set = (more: Search) =>
    void go({ to: "/ledger" as never, search: Object.fromEntries(Object.entries({ ...search, ...more }).filter(([, value]) => value !== undefined && value !== "")) as never, replace: true });
  const size = (list.data?.pages[0] as { size?: number } | undefined)?.size ?? 0;
  const entry = search.entry === undefined ? undefined : Number(search.entry);
  const types = type && !TYPES.includes(type) ? [type, ...TYPES] : TYPES;
  return (
    <>
      <div className="runhead">
        <div>
          <h1>Ledger</h1>
          <p className="muted">{list.data ? `${size.toLocaleString("en")} entries, each under a signed root` : "Every entry is under a signed root"}</p>
        </div>
        <div className="actions">
          <a className="btn" href="/api/v1/ledger/checkpoint" download="checkpoint.txt">
            <Download size={16} aria-hidden />
            Checkpoint
          </a>
        </div>
      </div>
      <div className="grid flush">
        <InBrowser size={size} open={(index) => set({ entry: String(index) })} />
        <OnServer />
      </div>
      <div className="filters spaced" role="search" aria-label="Filter the ledger">
        <Pick label="Type" hidden value={type ?? ""} choices={[{ id: "", name: "Every type" }, ...types.map((id) => ({ id, name: id }))]} change={(id) => set({ type: id, entry: undefined })} />
        <SearchField aria-label="About what" value={subject ?? ""} onChange={(value) => set({ subject: value, entry: undefined })}>
          <Input className="field mono" placeholder="About what, its whole id" />
        </SearchField>
      </div>
      {list.error && !items.length ? (
        <Trouble error={list.error} again={() => void list.refetch()} />
      ) : list.isPending ? (
        <Waiting rows={8} />
      ) : items.length ? (
        <Table
          label="Ledger entries, newest first"
          columns={COLUMNS}
          rows={items}
          id={(one) => String(one.index)}
          open={(one) => set({ entry: String(one.index) })}
          more={() => {
            if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
          }}
        />
      ) : isFetchingNextPage ? (
        <Waiting rows={3} />
      ) : (
        <Empty icon={Link2} title={type || subject ? "No entries match" : "The ledger is empty"}>
          {type || subject ? (
            <Button className="btn" onPress={() => set({ type: undefined, subject: undefined })}>
              Show every entry
            </Button>
          ) : (
            <p className="muted">Its first entry is made with the first run.</p>
          )}
        </Empty>
      )}
      {entry !== undefined && Number.isInteger(entry) && entry >= 0 && (
        <EntrySheet index={entry} size={size} close={() => set({ entry: undefined })} show={(index) => set({ entry: String(index) })} about={(said) => set({ subject: said, entry: undefined })} />
      )}
    </>
  );
}
