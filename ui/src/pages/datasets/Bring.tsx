// A place to drop files: each goes up in pieces with the time that is left, can be stopped, and goes on after a break.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Check, FileQuestion, Pause, Play, UploadCloud, X } from "lucide-react";
import { useEffect, useState, useSyncExternalStore } from "react";
import { Button, DropZone, FileTrigger, isFileDropItem } from "react-aria-components";
import { api, told } from "../../api/client";
import { Meter } from "../../parts/Meter";
import { bytes, duration } from "../../parts/say";
import { Text } from "../../parts/Text";
import { Trouble } from "../../parts/Wait";
import { Unread } from "./Unread";
import { uploads, type Going } from "./uploads";

export function Bring({ made, children }: { made: (dataset: string) => void; children?: React.ReactNode }) {
  const client = useQueryClient();
  const list = useSyncExternalStore(uploads.watch, () => uploads.list);
  const [license, setLicense] = useState(uploads.license);
  const kept = useQuery({ queryKey: ["uploads"], queryFn: () => told(api.GET("/api/v1/uploads", { params: { query: { state: "open", limit: 50 } } })) });
  useEffect(() => {
    if (kept.data) uploads.recall(kept.data.items);
  }, [kept.data]);
  useEffect(
    () =>
      uploads.onMade((dataset) => {
        void client.invalidateQueries({ queryKey: ["datasets"] });
        made(dataset.id);
      }),
    [client, made],
  );
  const take = (files: File[]) => void uploads.take(files);
  return (
    <>
      <DropZone
        className="drop well"
        aria-label="Drop files of rows here"
        onDrop={(event) => void Promise.all(event.items.filter(isFileDropItem).map((item) => item.getFile())).then(take)}
      >
        <UploadCloud size={26} aria-hidden />
        <p>Drop files of rows here: CSV, TSV, JSON Lines, JSON, Parquet, TFRecord, CoNLL or text</p>
        <div className="line">
          <FileTrigger allowsMultiple onSelect={(files) => files && take([...files])}>
            <Button className="btn primary">Choose files</Button>
          </FileTrigger>
          {children}
        </div>
        <div className="license">
          <Text
            label="Licence of what you bring"
            value={license}
            change={(said) => {
              setLicense(said);
              uploads.license = said;
            }}
            example="CC-BY-4.0"
          />
        </div>
      </DropZone>
      {list.length > 0 && (
        <ul className="rows card spaced" aria-label="Uploads">
          {list.map((one) => (
            <Row key={one.key} one={one} show={made} />
          ))}
        </ul>
      )}
    </>
  );
}

function Row({ one, show }: { one: Going; show: (dataset: string) => void }) {
  const moving = one.state === "reading" || one.state === "sending";
  const whole = one.upload !== undefined && one.upload.received === one.upload.size;
  return (
    <li>
      <span className="two">
        <b>{one.name}</b>
        <span className="muted sm num" role="status">
          {said(one)}
        </span>
      </span>
      {(moving || one.state === "paused" || one.state === "waiting") && (
        <span className="upload">
          <Meter label={`${one.state === "reading" ? "Reading" : "Upload"} of ${one.name}`} done={one.at.sent} total={one.at.size} />
        </span>
      )}
      {one.state === "done" && <Check size={18} color="var(--ok)" role="img" aria-label="brought in" />}
      {one.dataset && (
        <Button className="btn" onPress={() => show(one.dataset!.id)}>
          Show
        </Button>
      )}
      {moving && (
        <Button className="btn sq" aria-label={`Pause ${one.name}`} onPress={() => uploads.pause(one.key)}>
          <Pause size={16} aria-hidden />
        </Button>
      )}
      {(one.state === "paused" || (one.state === "failed" && !one.unread) || (one.state === "waiting" && whole)) && (
        <Button className="btn" onPress={() => void uploads.go(one.key)}>
          <Play size={16} aria-hidden />
          Go on
        </Button>
      )}
      {one.state === "waiting" && !whole && (
        <FileTrigger onSelect={(files) => files && void uploads.take([...files])}>
          <Button className="btn">
            <FileQuestion size={16} aria-hidden />
            Choose it again
          </Button>
        </FileTrigger>
      )}
      <Button className="btn sq" aria-label={one.state === "done" ? `Hide ${one.name}` : `Cancel ${one.name}`} onPress={() => void uploads.cancel(one.key)}>
        <X size={16} aria-hidden />
      </Button>
      {one.error !== undefined && (
        <div className="full">{one.unread ? <Unread one={one} again={(reading) => void uploads.go(one.key, reading)} /> : <Trouble error={one.error} />}</div>
      )}
    </li>
  );
}

/** Where an upload stands, in words. */
export function said({ state, at, unread }: Going): string {
  const much = `${bytes(at.sent)} of ${bytes(at.size)}`;
  if (state === "reading") return `reading it here first: ${much}`;
  if (state === "sending") return at.left === null ? much : `${much}, ${duration(at.left)} left`;
  if (state === "checking") return "every row is being checked …";
  if (state === "paused") return `paused at ${much}`;
  if (state === "waiting") return at.sent === at.size ? "has arrived, and waits to be checked" : `${much} arrived before; choose the same file and it goes on`;
  if (state === "done") return "brought in";
  return unread ? "can't be read as it is" : "not brought in";
}
