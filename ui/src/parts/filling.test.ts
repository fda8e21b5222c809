import { describe, expect, it } from "vitest";
import { filled } from "./filling";

describe("the rows that have their content", () => {
  const keys = ["a", "b", "c", "d", "e"];

  it("are all of them the first time", () => {
    expect(filled(keys, 2, new Set(), 1)).toEqual(new Set(keys));
  });

  it("are those that had it, and the next ones from the middle", () => {
    expect(filled(keys, 3, new Set(["a", "x"]), 2)).toEqual(new Set(["a", "d", "c"]));
  });

  it("forget what is out of sight", () => {
    expect(filled(["d", "e"], 0, new Set(["a", "d"]), 0)).toEqual(new Set(["d"]));
  });
});
