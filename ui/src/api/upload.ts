// Files in pieces: what the server has acknowledged is on its disk, so a break costs one piece and a reload nothing.
import { api, Away, refusal, Refused, renew, told, type Schemas } from "./client";

export type Upload = Schemas["UploadOut"];
export type Done = Schemas["UploadDone"];
export type Moved = { sent: number; size: number; left: number | null };

const TRIES = 8;

/** How long what is left will take, from the pace of the last seconds; null while nobody knows. */
export class Pace {
  private marks: [number, number][] = [];

  mark(sent: number, now: number): void {
    this.marks.push([now, sent]);
    while (this.marks.length > 2 && now - this.marks[0]![0] > 10_000) this.marks.shift();
  }

  left(size: number): number | null {
    const first = this.marks[0];
    const last = this.marks.at(-1);
    if (!first || !last || last[1] <= first[1] || last[0] <= first[0]) return null;
    return ((size - last[1]) / (last[1] - first[1])) * ((last[0] - first[0]) / 1000);
  }
}

export async function begin(file: File, digest: string): Promise<Upload> {
  return told(api.POST("/api/v1/uploads", { body: { purpose: "dataset", name: file.name, size: file.size, digest } }));
}

/** Where an upload stands now. */
export async function standing(id: string): Promise<Upload> {
  return told(api.GET("/api/v1/uploads/{upload}", { params: { path: { upload: id } } }));
}

/** Send what the server lacks. Throws `Refused` for what it will not take, `Away` when it stays away, AbortError. */
export async function send(upload: Upload, file: File, moved: (at: Moved) => void, signal: AbortSignal): Promise<void> {
  const pace = new Pace();
  let sent = upload.received;
  let tries = 0;
  pace.mark(sent, Date.now());
  while (sent < file.size) {
    const piece = file.slice(sent, sent + upload.piece_bytes);
    try {
      const answer = await fetch(`/api/v1/uploads/${upload.id}`, {
        method: "PATCH",
        headers: { "Content-Type": "application/octet-stream", "Upload-Offset": String(sent) },
        body: piece,
        signal,
      });
      if (answer.status === 401 && tries < TRIES && (await renew())) {
        tries += 1;
        continue;
      }
      if (answer.status === 409) {
        // Another place than this one, or a piece that was stopped here and is still being written there.
        const place = answer.headers.get("Upload-Offset");
        tries += 1;
        if (tries > TRIES) throw refusal(409, await answer.json());
        if (place === null) await sleep(tries, signal);
        else sent = Number(place);
        continue;
      }
      if (answer.status === 429 || answer.status >= 500) throw new Away("busy");
      if (!answer.ok) throw refusal(answer.status, await answer.json());
      sent = Number(answer.headers.get("Upload-Offset"));
      tries = 0;
      pace.mark(sent, Date.now());
      moved({ sent, size: file.size, left: pace.left(file.size) });
    } catch (error) {
      if (signal.aborted || error instanceof Refused) throw error;
      tries += 1;
      if (tries > TRIES) throw new Away("The server can't be reached.");
      await sleep(tries, signal);
    }
  }
}

/** Wait longer after each try, and no longer than until it is stopped. */
function sleep(tries: number, signal: AbortSignal): Promise<void> {
  return new Promise((wake, stopped) => {
    const stop = () => {
      clearTimeout(timer);
      stopped(signal.reason);
    };
    const timer = setTimeout(
      () => {
        signal.removeEventListener("abort", stop);
        wake();
      },
      Math.min(10_000, 250 * 2 ** tries),
    );
    signal.addEventListener("abort", stop, { once: true });
  });
}

/** How a file is read, where looking at it isn't enough. */
export type Reading = { format: string; delimiter: string; quoting: boolean; paragraphs: boolean };
export const BY_LOOKING: Reading = { format: "auto", delimiter: "", quoting: true, paragraphs: false };

/** Let the server read every row; while it is busy with other files, wait for a place. */
export async function finish(upload: Upload, license: string, reading: Reading, signal: AbortSignal): Promise<Done> {
  const body = { name: "", license, ...reading, delimiter: reading.delimiter || null };
  for (let tries = 0; ; tries += 1) {
    try {
      return (await told(api.POST("/api/v1/uploads/{upload}/finish", { params: { path: { upload: upload.id } }, body, signal }))) as Done;
    } catch (error) {
      if (signal.aborted || !(error instanceof Refused) || error.problem.status !== 429) throw error;
      await sleep(tries, signal);
    }
  }
}

export async function abort(upload: Upload): Promise<void> {
  await told(api.DELETE("/api/v1/uploads/{upload}", { params: { path: { upload: upload.id } } }));
}
