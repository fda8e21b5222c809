// What a task is asked about, as the card of its kind says.
type Task = { predict_in?: { takes?: string; medium?: string; example?: string } };

/** The medium of the files that a task takes; empty where it takes texts, or is not known. */
export function takesOf(kinds: Record<string, unknown>[], kind: string, task: string): string {
  const found = askedOf(kinds, kind, task);
  return found?.takes === "file" ? (found.medium ?? "") : "";
}

/** Whether a task speaks a text, by one of several voices. */
export const speaks = (kinds: Record<string, unknown>[], kind: string, task: string): boolean => askedOf(kinds, kind, task)?.takes === "speech";

/** An example of the numbers that a task takes; undefined where it takes something else. */
export function numbersOf(kinds: Record<string, unknown>[], kind: string, task: string): string | undefined {
  const found = askedOf(kinds, kind, task);
  return found?.takes === "numbers" ? (found.example ?? "") : undefined;
}

function askedOf(kinds: Record<string, unknown>[], kind: string, task: string): Task["predict_in"] {
  const card = kinds.find((one) => one.name === kind);
  return (card?.tasks as Record<string, Task> | undefined)?.[task]?.predict_in;
}

/** What was typed as numbers: a number, or lists of them; an error in words for anything else. */
export function readNumbers(text: string): unknown {
  try {
    const found: unknown = JSON.parse(text);
    if (areNumbers(found)) return found;
  } catch {
    // told below, as for JSON that holds something else
  }
  throw new Error("These are no numbers. Write them as [0.1, -0.2], or one number alone.");
}

const areNumbers = (value: unknown): boolean => (Array.isArray(value) ? value.every(areNumbers) : typeof value === "number");
