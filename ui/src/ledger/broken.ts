// Which entry is the first that is not as it was signed. A proof of any whole entry vouches for the hashes beside its
// path, so the tree is walked down from the signed root with a few proofs, not with one for each entry.
import { leafHash, nodeHash, pathOf, same } from "./merkle";

export type Proven = { leaf: Uint8Array; proof: Uint8Array[] };
export type Broken = { index: number; expected: Uint8Array | null; found: Uint8Array };

const TRIES = 8;

/**
 * Find the first broken entry. leaves: the hash of each, as the bytes that were sent have it; prove: what the server says
 * of one entry. expected is null where no whole entry vouches for what stood there.
 */
export async function firstBroken(leaves: Uint8Array[], root: Uint8Array, prove: (index: number) => Promise<Proven>): Promise<Broken | null> {
  const size = leaves.length;
  const hashes = new Map<string, Uint8Array>();
  const node = async (from: number, to: number): Promise<Uint8Array> => {
    if (to - from === 1) return leaves[from]!;
    const key = `${from} ${to}`;
    const known = hashes.get(key);
    if (known) return known;
    const middle = from + split(to - from);
    const made = await nodeHash(await node(from, middle), await node(middle, to));
    hashes.set(key, made);
    return made;
  };
  // What the signed root says of subtrees, as far as proofs have told.
  const signed = new Map<string, Uint8Array>([[`0 ${size}`, root]]);
  const asked = new Set<number>();
  const ask = async (index: number): Promise<void> => {
    if (asked.has(index)) return;
    asked.add(index);
    const { leaf, proof } = await prove(index);
    for (const one of (await pathOf(await leafHash(leaf), index, size, proof, root)) ?? []) signed.set(`${one.from} ${one.to}`, one.hash);
  };
  let [from, to] = [0, size];
  if (same(await node(from, to), root)) return null;
  while (to - from > 1) {
    const middle = from + split(to - from);
    const left = `${from} ${middle}`;
    const near = [middle, to - 1, from, middle - 1];
    for (let tries = 0; !signed.has(left) && tries < TRIES; tries += 1) {
      const index = near[tries] ?? from + Math.floor(((to - from) * (tries - 3)) / (TRIES - 3));
      if (index < to) await ask(index);
    }
    // Where nothing vouches for it, the left half is taken: no whole entry was found in it.
    if (signed.has(left) && same(await node(from, middle), signed.get(left)!)) from = middle;
    else to = middle;
  }
  return { index: from, expected: signed.get(`${from} ${to}`) ?? null, found: leaves[from]! };
}

/** The largest power of two below a size: where RFC 6962 splits a tree. */
function split(size: number): number {
  let half = 1;
  while (half * 2 < size) half *= 2;
  return half;
}
