// The Merkle tree of RFC 6962 over the ledger's leaves, and the signed note (C2SP) that states its root; nothing here
// trusts the server: it gives bytes, and this counts them again.

const LEAF = 0x00;
const NODE = 0x01;

async function hash(prefix: number, ...parts: Uint8Array[]): Promise<Uint8Array> {
  const size = 1 + parts.reduce((sum, part) => sum + part.length, 0);
  const all = new Uint8Array(size);
  all[0] = prefix;
  let place = 1;
  for (const part of parts) {
    all.set(part, place);
    place += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", all));
}

export const leafHash = (leaf: Uint8Array): Promise<Uint8Array> => hash(LEAF, leaf);
export const nodeHash = (left: Uint8Array, right: Uint8Array): Promise<Uint8Array> => hash(NODE, left, right);

/** A tree that grows leaf by leaf and keeps only the roots of its full subtrees: 30 hashes for a billion leaves. */
export class Tree {
  private roots: { hash: Uint8Array; size: number }[] = [];
  size = 0;

  async add(leaf: Uint8Array): Promise<void> {
    await this.push(await leafHash(leaf));
  }

  /** Add a leaf by its hash. */
  async push(leaf: Uint8Array): Promise<void> {
    let made = { hash: leaf, size: 1 };
    while (this.roots.at(-1)?.size === made.size) {
      const left = this.roots.pop()!;
      made = { hash: await hash(NODE, left.hash, made.hash), size: 2 * made.size };
    }
    this.roots.push(made);
    this.size += 1;
  }

  async root(): Promise<Uint8Array> {
    if (!this.roots.length) return new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array()));
    let found = this.roots.at(-1)!.hash;
    for (const { hash: left } of this.roots.slice(0, -1).reverse()) found = await hash(NODE, left, found);
    return found;
  }
}

/** Return the root that an inclusion proof leads to (RFC 9162, 2.1.3.2); throws for a proof of the wrong length. */
export async function rootOf(leaf: Uint8Array, index: number, size: number, proof: Uint8Array[]): Promise<Uint8Array> {
  let [place, last] = [index, size - 1];
  let found = await leafHash(leaf);
  for (const one of proof) {
    if (last === 0) throw new Error("The proof is too long.");
    if (place % 2 === 1 || place === last) {
      found = await hash(NODE, one, found);
      while (place % 2 === 0 && place !== 0) {
        place = Math.floor(place / 2);
        last = Math.floor(last / 2);
      }
    } else {
      found = await hash(NODE, found, one);
    }
    place = Math.floor(place / 2);
    last = Math.floor(last / 2);
  }
  if (last !== 0) throw new Error("The proof is too short.");
  return found;
}

export type Span = { from: number; to: number; hash: Uint8Array };

/** Return every subtree that a proof speaks of, its path's own too; null when it does not lead to the root. */
export async function pathOf(leaf: Uint8Array, index: number, size: number, proof: Uint8Array[], root: Uint8Array): Promise<Span[] | null> {
  const spans: Span[] = [];
  // From the root down: which half holds the entry, and which is the sibling that the proof brings.
  const turns: { from: number; middle: number; to: number }[] = [];
  for (let [from, to] = [0, size]; to - from > 1; ) {
    let half = 1;
    while (half * 2 < to - from) half *= 2;
    const middle = from + half;
    turns.push({ from, middle, to });
    if (index < middle) to = middle;
    else from = middle;
  }
  if (turns.length !== proof.length) return null;
  let found = leaf;
  spans.push({ from: index, to: index + 1, hash: leaf });
  for (const [place, { from, middle, to }] of turns.reverse().entries()) {
    const other = proof[place]!;
    if (index < middle) spans.push({ from: middle, to, hash: other });
    else spans.push({ from, to: middle, hash: other });
    found = index < middle ? await nodeHash(found, other) : await nodeHash(other, found);
    spans.push({ from, to, hash: found });
  }
  return same(found, root) ? spans : null;
}

export const bytesOf = (base64: string): Uint8Array => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
export const hexOf = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
export const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, place) => byte === b[place]);

export type Checkpoint = { origin: string; size: number; root: Uint8Array; text: string; signatures: { name: string; id: Uint8Array; signature: Uint8Array }[] };

/** Read a signed note; throws for one that is no checkpoint. */
export function parseCheckpoint(note: string): Checkpoint {
  const end = note.indexOf("\n\n");
  if (end < 0) throw new Error("The checkpoint has no signatures.");
  const text = note.slice(0, end + 1);
  const [origin, size, root] = text.split("\n");
  if (!origin || !/^\d+$/.test(size ?? "") || !root) throw new Error("The checkpoint can't be read.");
  const signatures = note
    .slice(end + 2)
    .split("\n")
    .filter(Boolean)
    .map((line) => {
      const [dash, name, blob] = line.split(" ");
      if (dash !== "—" || !name || !blob) throw new Error("A signature of the checkpoint can't be read.");
      const all = bytesOf(blob);
      return { name, id: all.slice(0, 4), signature: all.slice(4) };
    });
  return { origin, size: Number(size), root: bytesOf(root), text, signatures };
}

/** Tell whether a checkpoint was signed with a key, given as a vkey: ``name+hash+base64(type || key)``. */
export async function isSigned(checkpoint: Checkpoint, vkey: string): Promise<boolean> {
  const first = vkey.indexOf("+");
  const second = vkey.indexOf("+", first + 1);
  const [name, id, blob] = [vkey.slice(0, first), vkey.slice(first + 1, second), bytesOf(vkey.slice(second + 1).trim())];
  const mine = checkpoint.signatures.find((one) => one.name === name && hexOf(one.id) === id);
  if (!mine || blob[0] !== 1) return false;
  const key = await crypto.subtle.importKey("raw", blob.slice(1), "Ed25519", false, ["verify"]);
  return crypto.subtle.verify("Ed25519", key, mine.signature as BufferSource, new TextEncoder().encode(checkpoint.text));
}
