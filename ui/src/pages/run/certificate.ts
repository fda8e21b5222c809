// A certificate, taken apart to be shown; whether it counts is for `engram verify` and the ledger's page to say.
export type Predicate = {
  run?: string;
  recipe?: { name: string; digest: string; gates: string };
  data?: { sources: { name: string; digest: string; license: string }[]; split: string; test: string; times_scored: number };
  base?: { name: string; revision: string; digest: string };
  environment?: Record<string, string | number>;
  cost?: { attempts: number; seconds: number };
  verdicts?: Record<string, { decision: string; digest: string }>;
  reviews?: unknown[];
  judged_by?: string;
  trained_by?: string;
};
export type Certificate = { index: number; predicate: Predicate; subjects: { name: string; digest: string }[] };

/** Read what a certificate states; throws for what is none. */
export function readCertificate(said: unknown): Certificate {
  const { dsse, leaf_index: index } = said as { dsse?: { payload?: string }; leaf_index?: number };
  if (typeof dsse?.payload !== "string" || typeof index !== "number") throw new Error("This is no certificate.");
  const bytes = Uint8Array.from(atob(dsse.payload), (letter) => letter.charCodeAt(0));
  const statement = JSON.parse(new TextDecoder().decode(bytes)) as { predicate?: Predicate; subject?: { name: string; digest: { sha256: string } }[] };
  const subjects = (statement.subject ?? []).map((one) => ({ name: one.name, digest: `sha256:${one.digest.sha256}` }));
  return { index, predicate: statement.predicate ?? {}, subjects };
}
