import { expect, test } from "vitest";
import { takesOf } from "./takes";

const kinds = [
  { name: "audio", tasks: { classify: { predict_in: { takes: "file", medium: "sound" } } } },
  { name: "language", tasks: { classify: { predict_in: { takes: "text", example: "" } } } },
];

test("a task of files says what they hold; any other is asked about texts", () => {
  expect(takesOf(kinds, "audio", "classify")).toBe("sound");
  expect(takesOf(kinds, "language", "classify")).toBe("");
  expect(takesOf(kinds, "audio", "transcribe")).toBe("");
  expect(takesOf(kinds, "video", "classify")).toBe("");
});
