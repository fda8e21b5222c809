// Counts the whole ledger again, off the page's thread: every leaf under the signed root, and the signature over it.
import { firstBroken, type Proven } from "./broken";
import { bytesOf, hexOf, isSigned, leafHash, parseCheckpoint, same, Tree } from "./merkle";

export type Found =
  | { type: "progress"; done: number; total: number }
  | { type: "done"; ok: true; size: number; root: string; seconds: number }
  | { type: "done"; ok: false; why: string; index?: number; expected?: string; found?: string };

const PAGE = 1000;

async function text(path: string): Promise<string> {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
  return answer.text();
}

async function verify(key: string): Promise<void> {
  const begun = performance.now();
  const checkpoint = parseCheckpoint(await text("/api/v1/ledger/checkpoint"));
  if (!(await isSigned(checkpoint, key))) {
    postMessage({ type: "done", ok: false, why: "The checkpoint is not signed by this key." } satisfies Found);
    return;
  }
  const tree = new Tree();
  const hashes: Uint8Array[] = [];
  while (tree.size < checkpoint.size) {
    const limit = Math.min(PAGE, checkpoint.size - tree.size);
    const page = JSON.parse(await text(`/api/v1/ledger/leaves?start=${tree.size}&limit=${limit}`)) as { leaves: string[] };
    if (!page.leaves.length) break;
    for (const text of page.leaves) {
      const made = await leafHash(bytesOf(text));
      hashes.push(made);
      await tree.push(made);
    }
    postMessage({ type: "progress", done: tree.size, total: checkpoint.size } satisfies Found);
  }
  const root = await tree.root();
  const seconds = (performance.now() - begun) / 1000;
  if (tree.size === checkpoint.size && same(root, checkpoint.root)) {
    postMessage({ type: "done", ok: true, size: tree.size, root: hexOf(root), seconds } satisfies Found);
  } else if (tree.size < checkpoint.size) {
    postMessage({ type: "done", ok: false, why: `Only ${tree.size} of ${checkpoint.size} entries are there.`, index: tree.size } satisfies Found);
  } else {
    const broken = await firstBroken(hashes, checkpoint.root, proofOf);
    const why = broken ? `Entry ${broken.index} is the first that is not as it was signed.` : "The entries are not those that were signed.";
    const expected = broken ? (broken.expected ? hexOf(broken.expected) : "nothing whole is left that could say it") : hexOf(checkpoint.root);
    postMessage({ type: "done", ok: false, why, index: broken?.index, expected, found: hexOf(broken?.found ?? root) } satisfies Found);
  }
}

async function proofOf(index: number): Promise<Proven> {
  const said = JSON.parse(await text(`/api/v1/ledger/entries/${index}/proof`)) as { leaf: string; proof: string[] };
  return { leaf: bytesOf(said.leaf), proof: said.proof.map(bytesOf) };
}

onmessage = ({ data }: MessageEvent<{ key: string }>) => {
  verify(data.key).catch((error: Error) => postMessage({ type: "done", ok: false, why: error.message } satisfies Found));
};
