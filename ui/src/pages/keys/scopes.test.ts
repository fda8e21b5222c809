import { expect, test } from "vitest";
import { endOf, scopesOf } from "./scopes";

test("operations may be separated by commas, spaces or lines, and count once", () => {
  expect(scopesOf("runs.*, deployments.predict\nruns.*")).toEqual(["runs.*", "deployments.predict"]);
  expect(scopesOf(" ,\n")).toEqual([]);
});

test("days are counted from now; none is no end", () => {
  expect(endOf(7, 1_000_500)).toBe(1000 + 7 * 86_400);
  expect(endOf(0, 1_000_500)).toBeNull();
});
