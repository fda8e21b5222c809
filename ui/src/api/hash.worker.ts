// Reads a file in slices, off the page's thread, and says its digest; memory stays flat whatever its size.
import { Sha256 } from "./sha256";

const SLICE = 4 << 20;

onmessage = async ({ data: file }: MessageEvent<File>) => {
  try {
    const hash = new Sha256();
    for (let at = 0; at < file.size; at += SLICE) {
      hash.update(new Uint8Array(await file.slice(at, at + SLICE).arrayBuffer()));
      postMessage({ read: Math.min(file.size, at + SLICE) });
    }
    postMessage({ digest: `sha256:${hash.hex()}` });
  } catch (error) {
    postMessage({ fault: (error as Error).message });
  }
};
