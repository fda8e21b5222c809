// Settings as text to be changed, and back as the values that the server keeps.
import type { Schemas } from "../../api/client";

export type Setting = Schemas["SettingOut"];

export const asText = (setting: Pick<Setting, "type">, value: unknown): string =>
  setting.type === "list" ? (value as string[]).join("\n") : setting.type === "block" ? JSON.stringify(value, null, 2) : String(value);

/** Read what was typed as the setting's type; throws with words for what can't be read. */
export function asValue(setting: Pick<Setting, "type" | "least" | "most" | "unit">, text: string): unknown {
  if (setting.type === "integer") {
    if (!/^-?\d+$/.test(text.trim())) throw new Error("A whole number is expected, as 1024.");
    const value = Number(text);
    const { least, most } = setting;
    if ((least !== undefined && least !== null && value < least) || (most !== undefined && most !== null && value > most)) {
      throw new Error(`From ${least?.toLocaleString("en")} to ${most?.toLocaleString("en")} ${setting.unit ?? ""}`.trim() + ".");
    }
    return value;
  }
  if (setting.type === "list") return text.split("\n").map((line) => line.trim()).filter(Boolean);
  if (setting.type === "block") {
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new Error(`JSON is expected: ${(error as Error).message}`, { cause: error });
    }
  }
  return text.trim();
}

/** The fault in what was typed, before the server is asked. */
export function faultIn(setting: Setting, text: string): string | undefined {
  try {
    asValue(setting, text);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

// What the name's beginning is about; a new one gets a section of its own under its name.
const SECTIONS: [string, string][] = [
  ["train", "Training limits"],
  ["predict", "Token limits"],
  ["limits", "Rate limits"],
  ["quota", "Storage"],
  ["policy", "What runs may use"],
  ["server", "This server"],
  ["audit", "Audit"],
  ["oauth", "Signing in"],
];

/** Settings by what they are about, in the order above. */
export function sections(all: Setting[]): { title: string; settings: Setting[] }[] {
  const found = new Map<string, Setting[]>();
  for (const one of all) {
    const noun = one.name.split(".")[0]!;
    found.set(noun, [...(found.get(noun) ?? []), one]);
  }
  const order = [...SECTIONS.map(([noun]) => noun), ...found.keys()];
  return [...found]
    .sort((a, b) => order.indexOf(a[0]) - order.indexOf(b[0]))
    .map(([noun, settings]) => ({ title: SECTIONS.find(([name]) => name === noun)?.[1] ?? noun, settings }));
}

/** A setting's name as words: quota.user_bytes is "User bytes". */
export function titleOf(name: string): string {
  const words = name.slice(name.indexOf(".") + 1).replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
