import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { measure, over } from "./budget.mjs";

const weight = (kb: number): string => `/*${randomBytes(kb * 750).toString("base64")}*/`; // kB in clear, three quarters of that packed
let folder = "";

const build = (files: Record<string, string>): string => {
  mkdirSync(join(folder, "assets"));
  writeFileSync(join(folder, "index.html"), '<script type="module" src="/assets/index.js"></script>');
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, "assets", name), text);
  return folder;
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "budget-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("what the document loads counts with all that it imports at once, and nothing that it imports later", () => {
  const found = measure(
    build({
      "index.js": 'import{a}from"./one.js";import"./two.js";const later=()=>import("./late.js");',
      "one.js": `import"./two.js";${weight(60)}`,
      "two.js": weight(60),
      "late.js": weight(140),
    }),
  );
  expect(found.initial).toBeGreaterThan(80_000);
  expect(found.initial).toBeLessThan(130_000);
  expect(found.lazy.map((one) => one.name)).toEqual(["late.js"]);
  expect(over(found)).toEqual([]);
});

test("too much at once is over budget", () => {
  const found = measure(build({ "index.js": 'import"./one.js";', "one.js": weight(280) }));
  expect(over(found).join()).toContain("initial JavaScript");
});

test("a part that is too heavy is named", () => {
  const found = measure(build({ "index.js": 'import("./late.js")', "late.js": weight(220) }));
  expect(over(found).join()).toContain("late.js");
});

test("fonts that are too heavy are over budget", () => {
  const found = measure(build({ "index.js": "", "a.woff2": "x".repeat(300_000), "b.woff2": "x".repeat(200_000) }));
  expect(over(found).join()).toContain("fonts: 500.0 kB");
});

test("a folder without a script proves nothing and is an error", () => {
  build({ "index.js": "" });
  writeFileSync(join(folder, "index.html"), "");
  expect(() => measure(folder)).toThrow("no index.html that loads a script");
});
