// What a run says, as it says it: follow, choose how much, jump to the end.
import { useQuery } from "@tanstack/react-query";
import { ArrowDownToLine, Terminal } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { Button, ToggleButton } from "react-aria-components";
import { api, told, type Schemas } from "../../api/client";
import { useTopic } from "../../live/hooks";
import { at, number } from "../../parts/say";
import { Empty, Of } from "../../parts/Wait";

type Event = { cursor: number; time: string; stage: string; type: string; body: Record<string, unknown> };
const MOST = 5000;
const QUIET = new Set(["progress", "metric"]);

export default function Logs({ run }: { run: Schemas["RunOut"] }) {
  const [later, setLater] = useState<Event[]>([]);
  const [follow, setFollow] = useState(true);
  const [all, setAll] = useState(false);
  const box = useRef<HTMLPreElement>(null);
  const first = useQuery({ queryKey: ["run", run.id, "events"], queryFn: () => everything(run.id), staleTime: Infinity });
  useTopic(
    `events/${run.id}`,
    (message) => {
      if (message.type !== "event") return;
      const event = { cursor: message.seq, ...message.event } as unknown as Event;
      setLater((before) => [...before, event].slice(-MOST));
    },
    () => void first.refetch(),
  );
  const last = first.data?.at(-1)?.cursor ?? 0;
  const events = [...(first.data ?? []), ...later.filter((one) => one.cursor > last)].filter((one) => all || !QUIET.has(one.type));
  useEffect(() => {
    if (follow) box.current?.scrollTo({ top: box.current.scrollHeight });
  }, [events.length, follow]);
  return (
    <Of query={first} rows={8}>
      {() => (
        <>
          <div className="actions">
            <ToggleButton className="btn" isSelected={all} onChange={setAll}>
              Every step
            </ToggleButton>
            <ToggleButton className="btn" isSelected={follow} onChange={setFollow}>
              Follow
            </ToggleButton>
            <Button className="btn" onPress={() => box.current?.scrollTo({ top: box.current.scrollHeight })}>
              <ArrowDownToLine size={16} aria-hidden />
              To the end
            </Button>
          </div>
          {events.length ? (
            <pre className="log well" role="log" aria-label="Run log" tabIndex={0} ref={box} style={{ maxHeight: 520 }}>
              {events.map((event) => (
                <span key={event.cursor}>
                  <span className="ts">{at(event.time)}</span> <span className="k">{event.stage.padEnd(9)}</span>{" "}
                  <span className={event.type === "error" ? "w" : event.type === "report" ? "o" : ""}>{line(event)}</span>
                  {"\n"}
                </span>
              ))}
            </pre>
          ) : (
            <Empty icon={Terminal} title="Nothing was said yet" />
          )}
        </>
      )}
    </Of>
  );
}

async function everything(run: string): Promise<Event[]> {
  const found: Event[] = [];
  for (let after = 0; found.length < MOST; ) {
    const page = await told(api.GET("/api/v1/runs/{run}/events", { params: { path: { run }, query: { after, limit: 500 } } }));
    if (!page.items.length) break;
    found.push(...(page.items as unknown as Event[]));
    after = page.next;
  }
  return found;
}

/** An event in one line of words. */
export function line({ type, body }: Event): string {
  if (type === "note" || type === "error") return String(body.text ?? body.message ?? "");
  if (type === "progress") return `${body.done} of ${body.total} ${body.what}`;
  const said = Object.entries(body)
    .filter(([, value]) => typeof value === "number" || typeof value === "string")
    .map(([name, value]) => `${name.replaceAll("_", " ")} ${typeof value === "number" ? number(value) : value}`);
  return [type, ...said].join("  ");
}
