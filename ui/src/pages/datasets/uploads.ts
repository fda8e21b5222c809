// The uploads of this tab. They live longer than the page that shows them, and after a reload those that the server
// still keeps come back as soon as their file is chosen again: the digest says that it is the same one.
import { Refused, type Schemas } from "../../api/client";
import { digestOf } from "../../api/digest";
import { abort, begin, BY_LOOKING, finish, send, standing, type Done, type Moved, type Reading, type Upload } from "../../api/upload";

export type State = "reading" | "sending" | "checking" | "paused" | "waiting" | "failed" | "done";
export type Going = {
  key: string;
  name: string;
  at: Moved;
  state: State;
  reading: Reading;
  file?: File;
  digest?: string;
  upload?: Upload;
  error?: unknown;
  /** The file arrived whole, and its rows were refused: another way of reading may do. */
  unread?: boolean;
  dataset?: Schemas["DatasetDetail"];
};

/** What an upload needs of the world; tests bring their own. */
export type Means = {
  digestOf: typeof digestOf;
  begin: typeof begin;
  standing: typeof standing;
  send: typeof send;
  finish: typeof finish;
  abort: typeof abort;
};

export class Uploads {
  list: readonly Going[] = [];
  license = "";
  private listeners = new Set<() => void>();
  private stops = new Map<string, AbortController>();
  private next = 0;
  private means: Means;
  private made: (dataset: Schemas["DatasetDetail"]) => void = () => undefined;

  constructor(means: Means) {
    this.means = means;
  }

  watch = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Hear of each dataset that an upload became. */
  onMade(made: (dataset: Schemas["DatasetDetail"]) => void): void {
    this.made = made;
  }

  /** Show what the server keeps from an earlier visit; each waits for its file. */
  recall(open: Upload[]): void {
    const known = new Set(this.list.map((one) => one.upload?.id));
    const kept = open.filter((one) => one.state === "open" && one.purpose === "dataset" && !known.has(one.id));
    if (!kept.length) return;
    this.list = [
      ...this.list,
      ...kept.map((one): Going => ({
        key: one.id,
        name: one.name,
        at: { sent: one.received, size: one.size, left: null },
        state: "waiting",
        reading: BY_LOOKING,
        digest: one.digest,
        upload: one,
      })),
    ];
    this.tell();
  }

  /** Bring in files; returns when each has come to an end, whichever. */
  async take(files: File[]): Promise<void> {
    await Promise.all(
      files.map((file) => {
        const fresh: Going = { key: `f${(this.next += 1)}`, name: file.name, at: { sent: 0, size: file.size, left: null }, state: "reading", reading: BY_LOOKING, file };
        this.list = [fresh, ...this.list];
        this.tell();
        return this.go(fresh.key);
      }),
    );
  }

  pause(key: string): void {
    this.stops.get(key)?.abort();
  }

  /** Go on after a pause or a break, perhaps with another way of reading. */
  async go(key: string, reading?: Reading): Promise<void> {
    const one = this.find(key);
    if (!one || (!one.file && !this.whole(one))) return;
    const stop = new AbortController();
    this.stops.set(key, stop);
    if (reading) this.change(key, { reading });
    this.change(key, { error: undefined, unread: false });
    try {
      const upload = await this.sent(key, stop.signal);
      this.change(key, { state: "checking", at: { sent: upload.size, size: upload.size, left: null } });
      const now = this.find(key)!;
      const done: Done = await this.means.finish(upload, this.license, now.reading, stop.signal);
      this.change(key, { state: "done", dataset: done.dataset ?? undefined });
      if (done.dataset) this.made(done.dataset);
    } catch (error) {
      if (stop.signal.aborted) this.change(key, { state: "paused" });
      else this.change(key, { state: "failed", error, unread: this.find(key)?.state === "checking" && error instanceof Refused && error.problem.status === 422 });
    } finally {
      this.stops.delete(key);
    }
  }

  /** Give an upload up, here and on the server. */
  async cancel(key: string): Promise<void> {
    const one = this.find(key);
    this.stops.get(key)?.abort();
    this.list = this.list.filter((other) => other.key !== key);
    this.tell();
    if (one?.upload && one.state !== "done") await this.means.abort(one.upload).catch(() => undefined);
  }

  /** Send what the server lacks; a file that an upload waits for goes on under that one. */
  private async sent(key: string, signal: AbortSignal): Promise<Upload> {
    const one = this.find(key)!;
    let { digest, upload } = one;
    if (one.file && !digest) {
      this.change(key, { state: "reading" });
      const { size } = one.file;
      digest = await this.means.digestOf(one.file, (sent) => this.change(key, { at: { sent, size, left: null } }), signal);
      this.change(key, { digest });
      const waiting = this.list.find((other) => other.state === "waiting" && other.digest === digest && other.name === one.name && other.at.size === size);
      if (waiting) {
        upload = waiting.upload;
        this.list = this.list.filter((other) => other !== waiting);
        this.change(key, { upload });
      }
    }
    upload = upload ? await this.means.standing(upload.id) : await this.means.begin(one.file!, digest ?? "");
    this.change(key, { upload, state: "sending", at: { sent: upload.received, size: upload.size, left: null } });
    if (upload.state === "open" && upload.received < upload.size) await this.means.send(upload, one.file!, (at) => this.change(key, { at }), signal);
    return upload;
  }

  private whole(one: Going): boolean {
    return one.upload !== undefined && one.upload.received === one.upload.size;
  }

  private find(key: string): Going | undefined {
    return this.list.find((one) => one.key === key);
  }

  private change(key: string, more: Partial<Going>): void {
    this.list = this.list.map((one) => (one.key === key ? { ...one, ...more } : one));
    this.tell();
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}

export const uploads = new Uploads({ digestOf, begin, standing, send, finish, abort });
