import { expect, it } from "vitest";
import { readCertificate } from "./certificate";

const statement = { subject: [{ name: "a.json", digest: { sha256: "00" } }], predicate: { run: "r_1", recipe: { name: "kö", digest: "d", gates: "g" } } };
const payload = btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(statement))));

it("reads what a certificate states, in any language", () => {
  const found = readCertificate({ dsse: { payload }, leaf_index: 7 });
  expect(found.index).toBe(7);
  expect(found.predicate.recipe?.name).toBe("kö");
  expect(found.subjects).toEqual([{ name: "a.json", digest: "sha256:00" }]);
});

it("refuses what is none", () => {
  expect(() => readCertificate({ leaf_index: 7 })).toThrow("no certificate");
  expect(() => readCertificate({ dsse: { payload } })).toThrow("no certificate");
});
