// A place to drop files: each goes up in pieces with the time that is left, can be stopped, and goes on after a break.
import { Check, Pause, Play, UploadCloud, X } from "lucide-react";
import { useRef, useState } from "react";
import { Button, DropZone, FileTrigger, isFileDropItem } from "react-aria-components";
import { abort, begin, finish, send, type Moved, type Upload } from "../../api/upload";
import { Meter } from "../../parts/Meter";
import { bytes, duration } from "../../parts/say";
import { Trouble } from "../../parts/Wait";

type Going = { key: number; file: File; upload?: Upload; at: Moved; state: "sending" | "checking" | "stopped" | "done" | "failed"; error?: unknown };
let next = 0;

export function Bring({ made }: { made: (dataset: string) => void }) {
  const [going, setGoing] = useState<Going[]>([]);
  const stops = useRef(new Map<number, AbortController>());
  const change = (key: number, more: Partial<Going>) => setGoing((before) => before.map((one) => (one.key === key ? { ...one, ...more } : one)));

  async function go(one: Going) {
    const stop = new AbortController();
    stops.current.set(one.key, stop);
    let upload = one.upload;
    change(one.key, { state: "sending", error: undefined });
    try {
      upload ??= await begin(one.file);
      change(one.key, { upload });
      await send(upload, one.file, (at) => change(one.key, { at }), stop.signal);
      change(one.key, { state: "checking" });
      const done = await finish(upload, "");
      change(one.key, { state: "done" });
      if (done.dataset) made(done.dataset.id);
    } catch (error) {
      change(one.key, stop.signal.aborted ? { state: "stopped", upload: upload && { ...upload, received: 0 } } : { state: "failed", error, upload });
    }
  }

  const take = (files: File[]) => {
    const fresh = files.map((file) => ({ key: next++, file, at: { sent: 0, size: file.size, left: null }, state: "sending" as const }));
    setGoing((before) => [...fresh, ...before]);
    for (const one of fresh) void go(one);
  };
  const drop = (one: Going) => {
    stops.current.get(one.key)?.abort();
    setGoing((before) => before.filter((other) => other.key !== one.key));
    if (one.upload && one.state !== "done") void abort(one.upload).catch(() => undefined);
  };
  return (
    <>
      <DropZone
        className="drop well"
        aria-label="Drop files of rows here"
        onDrop={(event) => void Promise.all(event.items.filter(isFileDropItem).map((item) => item.getFile())).then(take)}
      >
        <UploadCloud size={26} aria-hidden />
        <p>Drop CSV, TSV, JSON Lines, JSON, Parquet, TFRecord, CoNLL or text here</p>
        <FileTrigger allowsMultiple onSelect={(files) => files && take([...files])}>
          <Button className="btn">Choose files</Button>
        </FileTrigger>
      </DropZone>
      {going.length > 0 && (
        <ul className="rows card spaced" aria-label="Uploads">
          {going.map((one) => (
            <li key={one.key}>
              <span className="two">
                <b>{one.file.name}</b>
                <span className="muted sm num" role="status">
                  {said(one)}
                </span>
              </span>
              {(one.state === "sending" || one.state === "stopped") && (
                <span className="grow">
                  <Meter label={`Upload of ${one.file.name}`} done={one.at.sent} total={one.at.size} />
                </span>
              )}
              {one.state === "done" && <Check size={18} color="var(--ok)" role="img" aria-label="brought in" />}
              {one.state === "sending" && (
                <Button className="btn sq" aria-label={`Pause ${one.file.name}`} onPress={() => stops.current.get(one.key)?.abort()}>
                  <Pause size={16} aria-hidden />
                </Button>
              )}
              {(one.state === "stopped" || one.state === "failed") && (
                <Button className="btn" onPress={() => void go(one)}>
                  <Play size={16} aria-hidden />
                  Go on
                </Button>
              )}
              <Button className="btn sq" aria-label={one.state === "done" ? `Hide ${one.file.name}` : `Cancel ${one.file.name}`} onPress={() => drop(one)}>
                <X size={16} aria-hidden />
              </Button>
              {one.error !== undefined && <Trouble error={one.error} />}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function said({ state, at }: Going): string {
  const much = `${bytes(at.sent)} of ${bytes(at.size)}`;
  if (state === "sending") return at.left === null ? much : `${much}, ${duration(at.left)} left`;
  if (state === "checking") return "every row is being checked …";
  if (state === "stopped") return `paused at ${much}`;
  return state === "done" ? "brought in" : "not brought in";
}
