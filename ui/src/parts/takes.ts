// What a task is asked about, as the card of its kind says.
type Task = { predict_in?: { takes?: string; medium?: string } };

/** The medium of the files that a task takes; empty where it takes texts, or is not known. */
export function takesOf(kinds: Record<string, unknown>[], kind: string, task: string): string {
  const card = kinds.find((one) => one.name === kind);
  const found = (card?.tasks as Record<string, Task> | undefined)?.[task]?.predict_in;
  return found?.takes === "file" ? (found.medium ?? "") : "";
}
