// The text of a recipe, read, and changed one key at a time where it stands: comments, order and blank lines stay.
import { isAlias, isCollection, isMap, isPair, isScalar, isSeq, parseDocument, stringify, type Node, type Pair, type ParsedNode, type YAMLMap } from "yaml";

export type Path = (string | number)[];
export type Plain = string | number | boolean | null | Plain[] | { [key: string]: Plain };
export type Fault = { line: number; column: number; message: string };

const OPTIONS = { merge: false, prettyErrors: false, uniqueKeys: true } as const;

/** The data of a text; `fault` where it is no YAML, and then there is no data. */
export function read(text: string): { data: { [key: string]: Plain }; fault: Fault | null } {
  const doc = parseDocument(text, OPTIONS);
  const [first] = doc.errors;
  if (first) return { data: {}, fault: { ...placeOf(text, first.pos[0]), message: first.message } };
  const data = doc.toJS({ maxAliasCount: 100 }) as unknown;
  return { data: typeof data === "object" && data !== null && !Array.isArray(data) ? (data as { [key: string]: Plain }) : {}, fault: null };
}

/** The value at a path, undefined where there is none. */
export function at(data: Plain | undefined, path: Path): Plain | undefined {
  return path.reduce<Plain | undefined>((found, part) => (typeof found === "object" && found !== null ? (found as Record<string | number, Plain>)[part] : undefined), data);
}

/** What stands in the text for a value, exactly as it is written: `1.5e-3`, where its value is 0.0015. */
export function written(text: string, path: Path): string | undefined {
  const node = find(text, path)?.value;
  return isScalar(node) && node.range ? (node.type === "PLAIN" ? text.slice(node.range[0], node.range[1]) : String(node.value)) : undefined;
}

/** Where a key stands, or the nearest block around it. */
export function lineOf(text: string, path: Path): number {
  for (let size = path.length; size > 0; size--) {
    const found = find(text, path.slice(0, size));
    const node = found?.key ?? found?.value;
    if (node?.range) return placeOf(text, node.range[0]).line;
  }
  return 1;
}

/** Write a value at a path; `as` is how it is written, where that matters. A path that leads nowhere changes nothing. */
export function put(text: string, path: Path, value: Plain, as: string = flow(value)): string {
  const doc = parseDocument(text, OPTIONS);
  if (doc.errors.length) return text;
  let node: ParsedNode | Node | null = doc.contents;
  if (node === null || (isScalar(node) && node.value === null)) return `${text.trimEnd()}${text.trim() ? "\n" : ""}${lines(path, as, "")}\n`;
  for (const [place, part] of path.entries()) {
    const last = place === path.length - 1;
    if (isMap(node)) {
      const pair = pairOf(node, part);
      if (!pair) return insert(text, node, path.slice(place), as);
      const value = pair.value as Node | null;
      if (last) return replace(text, pair, as);
      if (!isCollection(value)) return isAlias(value) ? text : replace(text, pair, nested(path.slice(place + 1), as));
      node = value;
    } else if (isSeq(node) && typeof part === "number") {
      const item = node.items[part] as Node | undefined;
      if (!item?.range) return text;
      if (last) return splice(text, item.range[0], endOf(item), as);
      node = item;
    } else return text;
  }
  return text;
}

/** Take a key out, and a block that it leaves empty. */
export function drop(text: string, path: Path): string {
  const above = path.length > 1 ? find(text, path.slice(0, -1))?.value : parseDocument(text, OPTIONS).contents;
  if (!isMap(above)) return text;
  const place = above.items.findIndex((pair) => keyOf(pair) === String(path.at(-1)));
  const pair = above.items[place];
  if (!pair) return text;
  if (above.items.length === 1 && path.length > 1 && typeof path.at(-2) === "string") return drop(text, path.slice(0, -1));
  const [start, end] = [startOf(pair), endOf(pair)];
  const next = above.items[place + 1];
  const before = above.items[place - 1];
  if (above.flow) return next ? splice(text, start, startOf(next), "") : splice(text, before ? endOf(before) : start, end, "");
  const line = text.lastIndexOf("\n", start - 1) + 1;
  if (text.slice(line, start).trim()) return next ? splice(text, start, startOf(next), "") : text;
  const after = text.indexOf("\n", end);
  return splice(text, line, after < 0 ? text.length : after + 1, "");
}

/** Give the key at a path another name. */
export function rename(text: string, path: Path, name: string): string {
  const key = find(text, path)?.key;
  return key?.range ? splice(text, key.range[0], key.range[1], flow(name)) : text;
}

/** A value on one line. */
export function flow(value: Plain): string {
  if (typeof value === "string" && /[,[\]{}]/.test(value)) return JSON.stringify(value);
  return stringify(value, { collectionStyle: "flow", lineWidth: 0, flowCollectionPadding: false, defaultKeyType: "PLAIN" }).trim();
}

/** `train.seed` as a path; numbers pick from lists. */
export const pathOf = (dotted: string): Path => (dotted ? dotted.split(".").map((part) => (/^\d+$/.test(part) ? Number(part) : part)) : []);

type Found = { key: Node | null; value: Node | null };

function find(text: string, path: Path): Found | undefined {
  let found: Found = { key: null, value: parseDocument(text, OPTIONS).contents };
  for (const part of path) {
    const node = found.value;
    if (isMap(node)) {
      const pair = pairOf(node, part);
      if (!pair) return undefined;
      found = { key: pair.key as Node, value: pair.value as Node | null };
    } else if (isSeq(node) && typeof part === "number" && node.items[part]) found = { key: null, value: node.items[part] as Node };
    else return undefined;
  }
  return found;
}

const keyOf = (pair: Pair): string => (isScalar(pair.key) ? String(pair.key.source ?? pair.key.value) : "");
const pairOf = (map: YAMLMap, key: string | number): Pair | undefined => map.items.find((pair) => keyOf(pair) === String(key));
const startOf = (pair: Pair): number => (pair.key as Node).range![0];

/** Where what is written ends; the range of a block also covers the comments and lines behind it. */
function endOf(node: Node | Pair): number {
  if (isPair(node)) {
    const value = node.value as Node | null;
    return value?.range && endOf(value) > startOf(node) ? endOf(value) : (node.key as Node).range![1] + 1;
  }
  if (isCollection(node) && !node.flow) {
    const last = node.items.at(-1) as Node | Pair | undefined;
    if (last) return endOf(last);
  }
  return node.range![1];
}

function replace(text: string, pair: Pair, as: string): string {
  const key = pair.key as Node;
  const value = pair.value as Node | null;
  const colon = text.indexOf(":", key.range![1]) + 1;
  const block = isCollection(value) && !value.flow;
  const multi = isScalar(value) && (value.type === "BLOCK_LITERAL" || value.type === "BLOCK_FOLDED");
  if (!value?.range || value.range[0] === value.range[1]) return splice(text, colon, colon, ` ${as}`);
  if (multi) return splice(text, colon, value.range[1], ` ${as}\n`);
  return block ? splice(text, colon, endOf(value), ` ${as}`) : splice(text, value.range[0], value.range[1], as);
}

function insert(text: string, map: YAMLMap, path: Path, as: string): string {
  const last = map.items.at(-1);
  if (map.flow) {
    const place = last ? endOf(last) : map.range![0] + 1;
    return splice(text, place, place, `${last ? ", " : ""}${flow(String(path[0]))}: ${path.length > 1 ? nested(path.slice(1), as) : as}`);
  }
  const first = map.items[0];
  if (!first || !last) return text;
  const start = startOf(first);
  const indent = " ".repeat(start - (text.lastIndexOf("\n", start - 1) + 1));
  const end = text.indexOf("\n", endOf(last) - (text[endOf(last) - 1] === "\n" ? 1 : 0));
  const place = end < 0 ? text.length : end;
  return splice(text, place, place, `\n${lines(path, as, indent)}`);
}

function lines(path: Path, as: string, indent: string): string {
  return path.map((part, depth) => `${indent}${"  ".repeat(depth)}${flow(String(part))}:${depth === path.length - 1 ? ` ${as}` : ""}`).join("\n");
}

const nested = (path: Path, as: string): string => path.reduceRight<string>((inner, part) => `{${flow(String(part))}: ${inner}}`, as);
const splice = (text: string, from: number, to: number, put: string): string => text.slice(0, from) + put + text.slice(to);

function placeOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split("\n");
  return { line: before.length, column: before.at(-1)!.length + 1 };
}
