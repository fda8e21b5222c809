// The contrast of every pair of colours that the pages use, in both themes, computed from the tokens themselves.
import { describe, expect, test } from "vitest";
import css from "./theme.css?raw";

type Tokens = Record<string, string>;
type Pair = { ink: string; grounds: string[]; least: number };

const PLAIN = ["primary-bg", "secondary-bg", "surface", "surface-hover", "well"];
const TEXT = 4.5;
const MARK = 3; // controls' edges, the focus, icons and curves: WCAG 2.2, 1.4.11
const PAIRS: Pair[] = [
  { ink: "text-primary", grounds: [...PLAIN, "run-bg", "bad-bg"], least: TEXT },
  { ink: "text-muted", grounds: [...PLAIN, "run-bg", "bad-bg"], least: TEXT },
  { ink: "accent-text", grounds: [...PLAIN, "run-bg"], least: TEXT },
  { ink: "on-accent", grounds: ["accent"], least: TEXT },
  { ink: "ok", grounds: [...PLAIN, "ok-bg"], least: TEXT },
  { ink: "warn", grounds: [...PLAIN, "warn-bg"], least: TEXT },
  { ink: "bad", grounds: [...PLAIN, "bad-bg"], least: TEXT },
  { ink: "edge-ui", grounds: PLAIN, least: MARK },
  { ink: "focus", grounds: [...PLAIN, "run-bg", "ok-bg", "warn-bg", "bad-bg"], least: MARK },
  { ink: "accent", grounds: ["primary-bg", "surface"], least: MARK },
  ...["c1", "c2", "c3", "c4", "c5"].map((ink) => ({ ink, grounds: ["well"], least: MARK })),
];
// Depth and lines between things that stand apart without them: nobody has to see these.
const DECORATION = new Set(["hairline", "hi", "lo", "bevel", "shade", "grid"]);

const rule = (selector: string): string => css.slice(css.indexOf(`${selector} {`)).split("}")[0]!;
const tokens = (selector: string): Tokens =>
  Object.fromEntries([...rule(selector).matchAll(/--([\w-]+):\s*([^;]+);/g)].map(([, name, value]) => [name!, value!.trim()]));
const dark = tokens(":root");
const THEMES: Record<string, Tokens> = { dark, light: { ...dark, ...tokens('[data-theme="light"]') } };

function luminance(theme: Tokens, name: string): number {
  const value = theme[name] ?? name;
  const other = /^var\(--([\w-]+)\)$/.exec(value);
  if (other) return luminance(theme, other[1]!);
  const hex = /^#([0-9a-f]{6})$/i.exec(value);
  if (!hex) throw new Error(`--${name} is ${value}: a colour that is judged is written #rrggbb`);
  const [r, g, b] = [0, 2, 4].map((at) => {
    const part = parseInt(hex[1]!.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

function contrast(theme: Tokens, one: string, other: string): number {
  const [darker, lighter] = [luminance(theme, one), luminance(theme, other)].sort((a, b) => a - b);
  return (lighter! + 0.05) / (darker! + 0.05);
}

function problems(theme: Tokens, pairs = PAIRS): string[] {
  return pairs.flatMap(({ ink, grounds, least }) =>
    grounds
      .map((ground) => ({ ground, found: contrast(theme, ink, ground) }))
      .filter(({ found }) => found < least)
      .map(({ ground, found }) => `--${ink} on --${ground}: ${found.toFixed(2)}, less than ${least}`),
  );
}

test("white and black are as far apart as the standard says", () => {
  expect(contrast({}, "#ffffff", "#000000")).toBeCloseTo(21, 10);
  expect(contrast({}, "#ffffff", "#767676")).toBeCloseTo(4.54, 2);
});

describe.each(Object.keys(THEMES))("the %s theme", (name) => {
  const theme = THEMES[name]!;

  test("has enough contrast in every pair", () => {
    expect(problems(theme)).toEqual([]);
  });

  test.each(PAIRS)("is found out when --$ink is hardly to be told from what it stands on", ({ ink, grounds }) => {
    for (const ground of grounds) expect(problems({ ...theme, [ink]: `var(--${ground})` }).length).toBeGreaterThan(0);
  });

  test("keeps the words of a button readable while it is hovered or pressed", () => {
    const grounds = [...css.matchAll(/\.btn\.primary\[data-(?:hovered|pressed)\] \{ background: (#[0-9a-f]{6})/g)].map((found) => found[1]!);
    expect(grounds).toHaveLength(2);
    expect(problems(theme, [{ ink: "on-accent", grounds, least: TEXT }])).toEqual([]);
  });
});

test("every colour of the theme is judged, or is decoration", () => {
  const judged = new Set(PAIRS.flatMap(({ ink, grounds }) => [ink, ...grounds]));
  const colours = Object.entries(THEMES.light!).filter(([, value]) => /^(#|rgb|var)/.test(value));
  expect(colours.map(([name]) => name).filter((name) => !judged.has(name) && !DECORATION.has(name))).toEqual([]);
});

test("a mark of the brand's colour stands on no well, where it would be too pale", () => {
  expect(contrast(THEMES.light!, "accent", "well")).toBeLessThan(MARK);
  expect(rule(".meter .fill")).not.toContain("--accent");
  expect(rule(".gates .run > .bar::after")).not.toContain("--accent");
});
