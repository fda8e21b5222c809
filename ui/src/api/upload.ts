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

export async function begin(file: File): Promise<Upload> {
  return told(api.POST("/api/v1/uploads", { body: { purpose: "dataset", name: file.name, size: file.size, digest: "" } }));
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
        sent = Number(answer.headers.get("Upload-Offset"));
        tries += 1;
        if (tries > TRIES) throw refusal(409, await answer.json());
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
      await new Promise((wake) => setTimeout(wake, Math.min(10_000, 500 * 2 ** tries)));
    }
  }
}

export async function finish(upload: Upload, license: string): Promise<Done> {
  const body = { name: "", license, format: "auto", quoting: true, paragraphs: false };
  return told(api.POST("/api/v1/uploads/{upload}/finish", { params: { path: { upload: upload.id } }, body: body as never })) as Promise<Done>;
}

export async function abort(upload: Upload): Promise<void> {
  await told(api.DELETE("/api/v1/uploads/{upload}", { params: { path: { upload: upload.id } } }));
}
