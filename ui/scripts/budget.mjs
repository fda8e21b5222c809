// What the built pages weigh, as they travel: compressed. Fails when it is more than was promised.
import { readFileSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

const KB = 1000;
export const MOST = { initial: 200 * KB, lazy: 150 * KB, fonts: 450 * KB };
const STATIC = /(?:from|import)\s*["']\.\/([^"']+\.js)["']/g; // `import("./x.js")` is lazy, and not meant

/**
 * Measure a build.
 * @param {string} built the folder with its index.html
 */
export const measure = (built) => {
  const assets = join(built, "assets");
  const index = readFileSync(join(built, "index.html"), "utf8");
  const wanted = [...index.matchAll(/(?:src|href)="\/assets\/([^"]+\.js)"/g)].map((found) => found[1]);
  if (wanted.length === 0) throw new Error(`${built} has no index.html that loads a script`);
  const initial = new Set();
  while (wanted.length > 0) {
    const name = wanted.pop();
    if (name === undefined || initial.has(name)) continue;
    initial.add(name);
    wanted.push(...[...readFileSync(join(assets, name), "utf8").matchAll(STATIC)].map((found) => found[1]));
  }
  const names = readdirSync(assets);
  const weighed = (/** @type {string} */ name) => ({ name, bytes: gzipSync(readFileSync(join(assets, name)), { level: 9 }).length });
  const lazy = names.filter((name) => name.endsWith(".js") && !initial.has(name)).map(weighed);
  return {
    initial: sum([...initial].map(weighed)),
    lazy: lazy.sort((one, other) => other.bytes - one.bytes),
    fonts: names.filter((name) => name.endsWith(".woff2")).reduce((all, name) => all + statSync(join(assets, name)).size, 0),
    styles: sum(names.filter((name) => name.endsWith(".css")).map(weighed)),
  };
};

/**
 * Say what is over its budget; nothing where all is well.
 * @param {ReturnType<typeof measure>} found
 */
export const over = (found) => [
  ...(found.initial > MOST.initial ? [`initial JavaScript: ${kb(found.initial)}, at most ${kb(MOST.initial)}`] : []),
  ...found.lazy.filter((one) => one.bytes > MOST.lazy).map((one) => `${one.name}: ${kb(one.bytes)}, at most ${kb(MOST.lazy)}`),
  ...(found.fonts > MOST.fonts ? [`fonts: ${kb(found.fonts)}, at most ${kb(MOST.fonts)}`] : []),
];

const sum = (/** @type {{ bytes: number }[]} */ files) => files.reduce((all, one) => all + one.bytes, 0);
const kb = (/** @type {number} */ bytes) => `${(bytes / KB).toFixed(1)} kB`;

const main = () => {
  const found = measure(process.argv[2] ?? "../src/engram/ui/built");
  const [largest] = found.lazy;
  process.stdout.write(`initial JavaScript  ${kb(found.initial)} of ${kb(MOST.initial)}, compressed\n`);
  if (largest) process.stdout.write(`largest lazy part   ${kb(largest.bytes)} of ${kb(MOST.lazy)}: ${basename(largest.name)}\n`);
  process.stdout.write(`fonts               ${kb(found.fonts)} of ${kb(MOST.fonts)}\nstyles              ${kb(found.styles)}\n`);
  const said = over(found);
  if (said.length > 0) {
    process.stderr.write(`over budget: ${said.join("; ")}\n`);
    process.exitCode = 1;
  }
};

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) main();
