import { expect, test } from "vitest";
import type { Schemas } from "../../api/client";
import { previous } from "./previous";

const history = (...artifacts: string[]) => artifacts.map((artifact, number) => ({ artifact, number }) as Schemas["ChangeOut"]);

test("a rollback goes to the artifact that answered last before the present one", () => {
  expect(previous({ artifact: "c", history: history("a", "b", "c", "c") })).toBe("b");
  expect(previous({ artifact: "b", history: history("a", "b", "a", "b") })).toBe("a");
});

test("there is nothing to go back to where only one has answered", () => {
  expect(previous({ artifact: "a", history: history("a", "a") })).toBeUndefined();
});
