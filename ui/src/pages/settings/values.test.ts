import { expect, test } from "vitest";
import { asText, asValue, faultIn, sections, titleOf, type Setting } from "./values";

const setting = (more: Partial<Setting>): Setting => ({ name: "a.b", value: null, default: null, help: "", type: "text", version: 0, changed: null, changed_by: null, ...more });

test("what is shown is read back as it was", () => {
  for (const [type, value] of [["integer", 5], ["list", ["a", "b"]], ["block", { "runs.create": "1/minute" }], ["text", "1200/minute"]] as const) {
    expect(asValue({ type }, asText({ type }, value))).toEqual(value);
  }
});

test("what can't be one is told before the server is asked", () => {
  const number = setting({ type: "integer", least: 1, most: 9, unit: "tokens" });
  expect(faultIn(number, "x")).toBe("A whole number is expected, as 1024.");
  expect(faultIn(number, "12")).toBe("From 1 to 9 tokens.");
  expect(faultIn(number, "9")).toBeUndefined();
  expect(faultIn(setting({ type: "block" }), "{")).toMatch(/^JSON is expected/);
});

test("settings stand under what they are about, and an unknown noun at the end", () => {
  const found = sections([setting({ name: "new.thing" }), setting({ name: "quota.x" }), setting({ name: "train.y" }), setting({ name: "quota.z" })]);
  expect(found.map((one) => [one.title, one.settings.length])).toEqual([["Training limits", 1], ["Storage", 2], ["new", 1]]);
});

test("a name is said in words", () => {
  expect(titleOf("quota.user_bytes")).toBe("User bytes");
});
