import { expect, test } from "vitest";
import { numbersOf, readNumbers, takesOf } from "./takes";

const kinds = [
  { name: "audio", tasks: { classify: { predict_in: { takes: "file", medium: "sound" } } } },
  { name: "rl", tasks: { act: { predict_in: { takes: "numbers", example: "[0, 1]" } } } },
  { name: "language", tasks: { classify: { predict_in: { takes: "text", example: "" } } } },
];

test("a task of files says what they hold; any other is asked about texts", () => {
  expect(takesOf(kinds, "audio", "classify")).toBe("sound");
  expect(takesOf(kinds, "language", "classify")).toBe("");
  expect(takesOf(kinds, "audio", "transcribe")).toBe("");
  expect(takesOf(kinds, "video", "classify")).toBe("");
});

test("a task of numbers brings an example, and what is typed must be numbers", () => {
  expect(numbersOf(kinds, "rl", "act")).toBe("[0, 1]");
  expect(numbersOf(kinds, "language", "classify")).toBeUndefined();
  expect(readNumbers("[0.5, [1, -2]]")).toEqual([0.5, [1, -2]]);
  expect(readNumbers("3")).toBe(3);
  for (const bad of ["", "left", '["1"]', "[1, null]", "{}"]) expect(() => readNumbers(bad)).toThrow("no numbers");
});
