import { describe, expect, it } from "vitest";
import type { Schemas } from "../../api/client";
import { differences, lines, listOf, type Comparison } from "./table";

const measure = (value: number | null, interval: number[] | null = null) => ({ value, interval }) as Schemas["MeasureOut"];
const pair = (a: Schemas["MeasureOut"] | null, b: Schemas["MeasureOut"] | null, better = "max", recipes: Comparison["recipes"] = {}): Comparison => ({
  recipes,
  metrics: [{ stage: "evaluate", metric: "accuracy", better, a, b }],
});

describe("comparing", () => {
  it("more is better or worse as the metric says, and intervals that don't touch are told", () => {
    const [line] = lines([pair(measure(0.8, [0.7, 0.82]), measure(0.9, [0.85, 0.95])), pair(measure(0.8, [0.7, 0.82]), measure(0.75, [0.7, 0.8]))]);
    expect(line!.others[0]).toMatchObject({ good: true, apart: true });
    expect(line!.others[1]).toMatchObject({ good: false, apart: false });
    expect(lines([pair(measure(1), measure(2), "min")])[0]!.others[0]).toMatchObject({ difference: 1, good: false, apart: null });
  });

  it("what only one has measured stands beside nothing, and what nobody has is left out", () => {
    expect(lines([pair(null, measure(0.9))])[0]!.others[0]).toMatchObject({ difference: null, good: null });
    expect(lines([pair(measure(null), measure(null))])).toEqual([]);
  });

  it("a key that differs in one run is shown for all", () => {
    expect(differences([pair(null, null, "", { "train.seed": [1, 2] }), pair(null, null, "", { "train.epochs": [3, 4] })])).toEqual([
      ["train.epochs", [3, 3, 4]],
      ["train.seed", [1, 2, 1]],
    ]);
  });

  it("the address holds each run once, and no more than fit", () => {
    expect(listOf("a,b,,a,c,d")).toEqual(["a", "b", "c"]);
    expect(listOf(undefined)).toEqual([]);
  });
});
