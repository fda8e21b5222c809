// @vitest-environment jsdom
import { expect, test } from "vitest";
import { refusal } from "./client";
import { faultsOf, isStale } from "./faults";

const shaped = refusal(422, { detail: "body.name: too short", error: "UsageError", problems: [{ where: "body.name", what: "too short" }] });

test("what the server says of a field stands beside it, and nowhere else", () => {
  expect(faultsOf(shaped, ["name", "kind"])).toEqual({ at: { name: "too short" }, rest: null });
});

test("what is about no field of the form stays below it", () => {
  expect(faultsOf(shaped, ["kind"])).toEqual({ at: {}, rest: shaped });
});

test("a sentence that a hint knows goes to its field with what to do", () => {
  const said = refusal(404, { detail: "There is no dataset mails.", remedy: "Upload it." });
  expect(faultsOf(said, ["name", "dataset"], { dataset: /no dataset/ })).toEqual({ at: { dataset: "There is no dataset mails. Upload it." }, rest: null });
});

test("a changed thing is told from other refusals", () => {
  expect(isStale(refusal(412, { detail: "It was changed." }))).toBe(true);
  expect(isStale(refusal(409, { detail: "It was changed.", error: "Changed" }))).toBe(true);
  expect(isStale(refusal(409, { detail: "There is another.", error: "Conflict" }))).toBe(false);
});
