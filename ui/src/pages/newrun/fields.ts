// The form, derived from the recipe's schema: what each key is, its help, its default and its bounds.
import type { Path, Plain } from "./yaml";

export type Schema = {
  type?: string | string[];
  description?: string;
  default?: Plain;
  enum?: Plain[];
  examples?: string[];
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: boolean | Schema;
  anyOf?: Schema[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
};
type Sort = "number" | "text" | "choice" | "switch" | "list" | "block" | "yaml";
export type Field = { path: Path; key: string; name: string; help: string; sort: Sort; schema: Schema; placeholder: string; choices: string[] };

/** The field at a path of the schema. */
export function fieldAt(schema: Schema, path: string[]): Field {
  const found = path.reduce<Schema>((one, part) => one.properties?.[part] ?? {}, schema);
  const sort = sortOf(found);
  const choices = sort === "switch" ? ["true", "false"] : (found.enum ?? []).filter((one) => one !== null).map(String);
  return { path, key: path.join("."), name: nameOf(path.at(-1) ?? ""), help: found.description ?? "", sort, schema: found, placeholder: shown(found.default), choices };
}

/** The fields below a block, in the order of the schema; blocks within are opened. */
export function fieldsOf(schema: Schema, path: string[] = []): Field[] {
  const block = path.reduce<Schema>((one, part) => one.properties?.[part] ?? {}, schema);
  return Object.keys(block.properties ?? {}).flatMap((key) => {
    const field = fieldAt(schema, [...path, key]);
    return field.sort === "block" ? fieldsOf(schema, [...path, key]) : [field];
  });
}

/** What is wrong with a number as it is typed, or an empty text. */
export function bounded(field: Field, typed: string): string {
  if (field.sort !== "number" || typed.trim() === "") return "";
  const value = Number(typed);
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = field.schema;
  if (!Number.isFinite(value)) return "This must be a number.";
  if (types(field.schema).includes("integer") && !Number.isInteger(value)) return "This must be a whole number.";
  if (minimum !== undefined && value < minimum) return `At least ${minimum}.`;
  if (exclusiveMinimum !== undefined && value <= exclusiveMinimum) return `More than ${exclusiveMinimum}.`;
  if (maximum !== undefined && value > maximum) return `At most ${maximum}.`;
  if (exclusiveMaximum !== undefined && value >= exclusiveMaximum) return `Less than ${exclusiveMaximum}.`;
  return "";
}

/** `num_train_epochs` as people say it. */
export function nameOf(key: string): string {
  const words = key.replaceAll("_", " ").replace(/^num /, "");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const types = (schema: Schema): string[] => [schema.type ?? []].flat();

function sortOf(schema: Schema): Sort {
  const known = types(schema);
  if (schema.enum) return "choice";
  if (known.includes("boolean")) return "switch";
  if (known.includes("number") || known.includes("integer")) return "number";
  if (known.includes("string")) return "text";
  if (schema.properties) return "block";
  return known.includes("array") && types(schema.items ?? {}).includes("string") ? "list" : "yaml";
}

function shown(value: Plain | undefined): string {
  if (value === undefined || value === null || value === "") return "";
  return Array.isArray(value) ? value.map(String).join(", ") : String(value);
}
