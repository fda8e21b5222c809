// @vitest-environment node
// The ledger that the Python side wrote, with entries changed after they were signed.
import { expect, test } from "vitest";
import { firstBroken } from "./broken";
import fixture from "./fixture.json";
import { bytesOf, hexOf, leafHash, parseCheckpoint } from "./merkle";

const size = fixture.leaves.length;
const whole = fixture.leaves.map(bytesOf);
const { root } = parseCheckpoint((fixture.checkpoints as Record<string, string>)[size]!);
const proofs = fixture.proofs as Record<string, string[]>;

async function look(changed: number[]) {
  const leaves = whole.map((leaf, place) => {
    const copy = Uint8Array.from(leaf);
    if (changed.includes(place)) copy[3]! ^= 1;
    return copy;
  });
  let asked = 0;
  const hashes = await Promise.all(leaves.map(leafHash));
  const found = await firstBroken(hashes, root, async (index) => {
    asked += 1;
    return { leaf: leaves[index]!, proof: proofs[index]!.map(bytesOf) };
  });
  return { found, asked };
}

test("a ledger that is as it was signed has no broken entry, and no proof is asked for", async () => {
  expect(await look([])).toEqual({ found: null, asked: 0 });
});

test("whichever entry was changed is found, with what was signed in its place", async () => {
  for (let changed = 0; changed < size; changed += 1) {
    const { found } = await look([changed]);
    expect(found?.index).toBe(changed);
    expect(hexOf(found!.expected!)).toBe(hexOf(await leafHash(whole[changed]!)));
    expect(hexOf(found!.found)).not.toBe(hexOf(found!.expected!));
  }
});

test("of several changed entries the first is named", async () => {
  for (const changed of [[2, 9], [0, 1, 2], [5, 6], [11, 12]]) expect((await look(changed)).found?.index).toBe(changed[0]);
});

test("when every entry was changed, the first is named and nothing is expected of it", async () => {
  const { found } = await look(whole.map((_, place) => place));
  expect(found).toMatchObject({ index: 0, expected: null });
});
