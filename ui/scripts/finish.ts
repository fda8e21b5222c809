// What follows a build: compressed variants beside the files, and the list of those that never change under their names.
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { constants, gzipSync } from "node:zlib";

import type { Plugin } from "vite";

const TEXT = /\.(js|css|html|svg|json)$/;

export const finish = (): Plugin => {
  let out = "";
  let kept = "";
  return {
    name: "engram-finish",
    apply: "build",
    configResolved: (config) => {
      out = resolve(config.root, config.build.outDir);
      kept = config.publicDir;
    },
    closeBundle: async () => {
      const [made, given] = await Promise.all([filesOf(out), filesOf(kept)]);
      const immutable = made.filter((name) => name.startsWith("assets/") && !given.includes(name)).sort();
      await writeFile(join(out, "files.json"), `${JSON.stringify({ format: "engram.ui/1", immutable }, null, 1)}\n`);
      await Promise.all(made.filter((name) => TEXT.test(name)).map((name) => compress(join(out, name))));
    },
  };
};

const filesOf = async (folder: string): Promise<string[]> => {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found
    .filter((one) => one.isFile())
    .map((one) => relative(folder, join(one.parentPath, one.name)).split(sep).join("/"));
};

const compress = async (path: string): Promise<void> => {
  const plain = await readFile(path);
  const packed = gzipSync(plain, { level: constants.Z_BEST_COMPRESSION });
  if (packed.length < plain.length) await writeFile(`${path}.gz`, packed);
};
