// One entry in full, its certificate where it is one's, and the proof that the signed root covers it, checked here.
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Check, ChevronLeft, ChevronRight, Download, ShieldCheck, X } from "lucide-react";
import { Button } from "react-aria-components";
import { api, told, type Schemas } from "../../api/client";
import { bytesOf, hexOf, isSigned, leafHash, parseCheckpoint, rootOf, same } from "../../ledger/merkle";
import { Sheet } from "../../parts/Act";
import { Long } from "../../parts/Long";
import { on } from "../../parts/say";
import { Of, Trouble } from "../../parts/Wait";

type Entry = Schemas["EntryOut"];
type Given = { index: number; size: number; close: () => void; show: (index: number) => void; about: (subject: string) => void };

export function EntrySheet({ index, size, close, show, about }: Given) {
  const entry = useQuery({
    queryKey: ["ledger", "entry", index],
    queryFn: async () => (await told(api.GET("/api/v1/ledger/entries", { params: { query: { start: index, limit: 1 } } }))).items[0] ?? null,
  });
  return (
    <Sheet open close={close} title={`Entry ${index}`}>
      <Of query={entry} rows={5}>
        {(found) => (found ? <Whole key={index} entry={found} about={about} /> : <p className="muted">There is no such entry.</p>)}
      </Of>
      <div className="actions">
        <Button className="btn" isDisabled={index <= 0} onPress={() => show(index - 1)}>
          <ChevronLeft size={16} aria-hidden />
          Before it
        </Button>
        <Button className="btn" isDisabled={index >= size - 1} onPress={() => show(index + 1)}>
          After it
          <ChevronRight size={16} aria-hidden />
        </Button>
        <Button className="btn primary" onPress={close}>
          Close
        </Button>
      </div>
    </Sheet>
  );
}

function Whole({ entry, about }: { entry: Entry; about: (subject: string) => void }) {
  const path = { index: entry.index };
  const certificate = certificateOf(entry);
  const check = useMutation({
    mutationFn: async () => {
      const [proof, key] = await Promise.all([
        told(api.GET("/api/v1/ledger/entries/{index}/proof", { params: { path } })),
        told(api.GET("/api/v1/ledger/key", { parseAs: "text" })),
      ]);
      return proven(proof, key as string);
    },
  });
  return (
    <div className="entry">
      <dl className="facts">
        <dt>What</dt>
        <dd className="mono sm">{entry.type}</dd>
        <dt>To what</dt>
        <dd>
          <Long value={entry.subject} what="subject" />
        </dd>
        <dt>By whom</dt>
        <dd>
          <Long value={entry.actor} what="actor" />
        </dd>
        <dt>When</dt>
        <dd>
          <time dateTime={entry.time}>{on(entry.time)}</time>
        </dd>
      </dl>
      <pre className="well mono sm pad wrap" tabIndex={0} aria-label="Body of the entry">
        {JSON.stringify(entry.body, null, 2)}
      </pre>
      {check.error && <Trouble error={check.error} />}
      {check.data && (
        <div className="verdict" data-ok={check.data.ok || undefined} role="status">
          {check.data.ok ? <Check size={18} aria-hidden /> : <X size={18} aria-hidden />}
          <p>
            {check.data.said}
            <br />
            <span className="mono sm wrap">leaf {check.data.leaf}</span>
          </p>
        </div>
      )}
      <div className="actions">
        <Button className="btn" isPending={check.isPending} onPress={() => check.mutate()}>
          <ShieldCheck size={16} aria-hidden />
          Check this entry here
        </Button>
        <a className="btn" href={`/api/v1/ledger/entries/${entry.index}/proof`} download={`proof-${entry.index}.json`}>
          <Download size={16} aria-hidden />
          Proof
        </a>
        {certificate && (
          <a className="btn" href={certificate} download="certificate.json">
            <Download size={16} aria-hidden />
            Certificate
          </a>
        )}
        <Button className="btn" onPress={() => about(entry.subject)}>
          All about it
        </Button>
        {entry.subject.startsWith("r_") && (
          <Link className="btn" to={"/runs/$run" as never} params={{ run: entry.subject } as never}>
            Open run
          </Link>
        )}
      </div>
    </div>
  );
}

/** Where the certificate is that an entry is about; a template's is on its own page, under an id that no entry names. */
const certificateOf = ({ type, subject }: Entry): string | undefined => (type === "artifact.certified" ? `/api/v1/artifacts/${subject}/certificate` : undefined);

/** Count a proof again: does the leaf lead to a root that the key has signed? */
export async function proven(proof: Schemas["Proof"], key: string): Promise<{ ok: boolean; said: string; leaf: string }> {
  const leaf = bytesOf(proof.leaf);
  const checkpoint = parseCheckpoint(proof.checkpoint);
  const digest = hexOf(await leafHash(leaf));
  if (!(await isSigned(checkpoint, key))) return { ok: false, said: "The checkpoint is not signed by the ledger's key.", leaf: digest };
  const root = await rootOf(leaf, proof.index, checkpoint.size, proof.proof.map(bytesOf)).catch(() => new Uint8Array());
  if (!same(root, checkpoint.root)) return { ok: false, said: "The entry is not the one that was signed.", leaf: digest };
  return { ok: true, said: `Counted here: entry ${proof.index} is under the signed root of ${checkpoint.size} entries.`, leaf: digest };
}
