// @vitest-environment jsdom
import { beforeEach, describe, expect, it } from "vitest";
import { isTyping, keyReader, setKeysOn, type Wish } from "./keys";

const press = (key: string, more: KeyboardEventInit = {}, on: Element = document.body): KeyboardEvent => {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, ...more });
  on.dispatchEvent(event);
  return event;
};
const wishes = (...events: KeyboardEvent[]): (Wish | null)[] => {
  const read = keyReader();
  return events.map(read);
};
const element = (html: string): Element => {
  document.body.innerHTML = html;
  return document.body.querySelector("[data-here]")!;
};

describe("keys", () => {
  beforeEach(() => {
    setKeysOn(true);
    document.body.innerHTML = "";
  });

  it("g and a letter go to a page, one without the other doesn't", () => {
    expect(wishes(press("g"), press("r"))).toEqual([null, { what: "go", key: "r" }]);
    expect(wishes(press("r"))).toEqual([null]);
    expect(wishes(press("g"), press("Escape"), press("r"))).toEqual([null, null, null]);
  });

  it("/ asks for the filter and ? for the list of keys", () => {
    expect(wishes(press("/"), press("?", { shiftKey: true }))).toEqual([{ what: "filter" }, { what: "keys" }]);
  });

  it.each(["<input data-here>", "<textarea data-here></textarea>", '<p contenteditable="true"><b data-here>a</b></p>', '<div role="listbox"><i data-here></i></div>'])(
    "nothing happens while somebody types in %s, but ⌘K",
    (html) => {
      const here = element(html);
      expect(wishes(press("?", {}, here), press("g", {}, here), press("r", {}, here))).toEqual([null, null, null]);
      expect(wishes(press("k", { ctrlKey: true }, here))).toEqual([{ what: "palette" }]);
    },
  );

  it("a box to tick is no text", () => {
    expect(isTyping(element('<input type="checkbox" data-here>'))).toBe(false);
  });

  it("switched off, only ⌘K is left", () => {
    setKeysOn(false);
    expect(wishes(press("?"), press("g"), press("r"), press("/"))).toEqual([null, null, null, null]);
    expect(wishes(press("k", { metaKey: true }))).toEqual([{ what: "palette" }]);
  });

  it("a key with a modifier is the browser's", () => {
    expect(wishes(press("/", { ctrlKey: true }), press("g", { altKey: true }), press("r"))).toEqual([null, null, null]);
  });
});
