import { expect, test } from "vitest";
import { asRecipe, give, pairsText, parsePairs } from "./mapping";

test("what the address holds is what was chosen", () => {
  const pairs = give(give({}, "text", "sentence"), "label", "class");
  expect(pairsText(pairs)).toBe("text=sentence,label=class");
  expect(parsePairs(pairsText(pairs))).toEqual(pairs);
});

test("the column that is called like its role is not said", () => {
  expect(give({ text: "sentence" }, "text", "text")).toEqual({});
  expect(give({ text: "sentence" }, "text", "")).toEqual({});
});

test("nonsense in the address is no mapping", () => {
  expect(parsePairs("text,=x,label=")).toEqual({});
  expect(parsePairs(undefined)).toEqual({});
});

test("a recipe says the columns, and nothing when nothing is mapped", () => {
  expect(asRecipe({ text: "a: b" })).toBe('data:\n  columns:\n    text: "a: b"');
  expect(asRecipe({})).toBe("");
});
