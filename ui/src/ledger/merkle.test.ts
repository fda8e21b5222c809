// @vitest-environment node
// Against a ledger that the Python side wrote: thirteen entries, the checkpoint after each, and the proof of each.
import { expect, test } from "vitest";
import fixture from "./fixture.json";
import { bytesOf, hexOf, isSigned, parseCheckpoint, rootOf, same, Tree } from "./merkle";

const leaves = fixture.leaves.map(bytesOf);
const checkpoint = (size: number) => parseCheckpoint((fixture.checkpoints as Record<string, string>)[size]!);

test("the tree has the signed root after every entry", async () => {
  const tree = new Tree();
  for (const leaf of leaves) {
    await tree.add(leaf);
    const signed = checkpoint(tree.size);
    expect(signed.size).toBe(tree.size);
    expect(hexOf(await tree.root())).toBe(hexOf(signed.root));
  }
});

test("one changed byte of any entry is another root", async () => {
  for (let changed = 0; changed < leaves.length; changed += 1) {
    const tree = new Tree();
    for (const [place, leaf] of leaves.entries()) {
      const copy = Uint8Array.from(leaf);
      if (place === changed) copy[3]! ^= 1;
      await tree.add(copy);
    }
    expect(same(await tree.root(), checkpoint(leaves.length).root)).toBe(false);
  }
});

test("every entry's proof leads to the root, and to no other by another place", async () => {
  const { root, size } = checkpoint(leaves.length);
  for (const [index, leaf] of leaves.entries()) {
    const proof = (fixture.proofs as Record<string, string[]>)[index]!.map(bytesOf);
    expect(hexOf(await rootOf(leaf, index, size, proof))).toBe(hexOf(root));
    const other = await rootOf(leaf, index, size, [...proof].reverse()).catch(() => new Uint8Array());
    expect(proof.length > 1 && same(other, root)).toBe(false);
    await expect(rootOf(leaf, index, size, [...proof, ...proof])).rejects.toThrow("too long");
    await expect(rootOf(leaf, index, size, proof.slice(1))).rejects.toThrow("too short");
  }
});

test("a checkpoint is signed by its key alone", async () => {
  const signed = checkpoint(leaves.length);
  expect(await isSigned(signed, fixture.key)).toBe(true);
  expect(await isSigned({ ...signed, text: signed.text.replace("13", "12") }, fixture.key)).toBe(false);
  const [name, id, blob] = fixture.key.split("+");
  const other = bytesOf(blob!);
  other[5]! ^= 1;
  expect(await isSigned(signed, `${name}+${id}+${btoa(String.fromCharCode(...other))}`).catch(() => false)).toBe(false);
  expect(await isSigned(signed, `other+${id}+${blob}`)).toBe(false);
});

test.each(["", "no signatures\n1\nAAAA\n", "x\nmany\nAAAA\n\n— a AAAA\n"])("%j is no checkpoint", (note) => {
  expect(() => parseCheckpoint(note)).toThrow();
});
