// Keys without a modifier: what they ask for, and whether they do anything at all; some people's input method types them
// by itself.
import { useSyncExternalStore } from "react";

const listeners = new Set<() => void>();
const FOLLOWS_MS = 1500;
const TYPING = "textarea,select,[contenteditable=''],[contenteditable=true],[role=textbox],[role=searchbox],[role=combobox],[role=menu],[role=listbox],[role=application]";
const NOT_TEXT = new Set(["checkbox", "radio", "button", "submit", "reset", "range", "color", "file"]);

export const keysOn = (): boolean => localStorage.getItem("keys") !== "off";

export function setKeysOn(on: boolean): void {
  localStorage.setItem("keys", on ? "on" : "off");
  for (const tell of listeners) tell();
}

export function useKeysOn(): boolean {
  return useSyncExternalStore((tell) => {
    listeners.add(tell);
    return () => listeners.delete(tell);
  }, keysOn);
}

/** Tell whether a letter belongs to what has the focus: a field, or a list that finds by typing. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof Element)) return false;
  const input = target.closest("input");
  if (input) return !NOT_TEXT.has(input.type);
  return target.closest(TYPING) !== null;
}

/** Tell whether a key without a modifier may do something here. */
export function isPlain(event: Pick<KeyboardEvent, "metaKey" | "ctrlKey" | "altKey" | "target">): boolean {
  return keysOn() && !event.metaKey && !event.ctrlKey && !event.altKey && !isTyping(event.target);
}

export type Wish = { what: "palette" } | { what: "filter" } | { what: "keys" } | { what: "go"; key: string };

/** Return a reader of keys, which remembers a `g` for a moment. */
export function keyReader(): (event: KeyboardEvent) => Wish | null {
  let g = -Infinity;
  return (event) => {
    if ((event.metaKey || event.ctrlKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") return { what: "palette" };
    if (!isPlain(event) || event.repeat) return null;
    const follows = event.timeStamp - g < FOLLOWS_MS;
    g = -Infinity;
    if (follows && /^[a-z]$/.test(event.key)) return { what: "go", key: event.key };
    if (event.key === "g") g = event.timeStamp;
    if (event.key === "/") return { what: "filter" };
    return event.key === "?" ? { what: "keys" } : null;
  };
}

/** How the key with ⌘ is called here. */
export const COMMAND = /Mac|iPhone|iPad/.test(navigator.platform) ? "⌘K" : "Ctrl K";
