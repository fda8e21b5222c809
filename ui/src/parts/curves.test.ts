import { describe, expect, it } from "vitest";
import { align, smooth, weightFor } from "./curves";

const curve = (name: string, steps: number[], values: number[]) => ({ name, color: "--c1", steps, values });

describe("curves", () => {
  it("a smoothed curve begins where the raw one does", () => {
    expect(smooth([4, 4, 4], 0.85)).toEqual([4, 4, 4]);
    expect(smooth([null, 2, null, 4], 0.5)).toEqual([null, 2, null, 3]);
  });

  it("a short curve is hardly smoothed, a long one is", () => {
    expect([weightFor(3), weightFor(20), weightFor(40), weightFor(1000)]).toEqual([0, 0, 0.5, 0.85]);
  });

  it("curves of different steps share an axis; what was not measured is a gap and never zero", () => {
    expect(align([curve("loss", [1, 2, 3], [3, 2, 1]), curve("valid loss", [0, 2], [5, 4])])).toEqual({
      steps: [0, 1, 2, 3],
      values: [
        [null, 3, 2, 1],
        [5, null, 4, null],
      ],
    });
  });

  it("what is no number is a gap too", () => {
    expect(align([curve("loss", [1, 2], [Number.NaN, 1])]).values).toEqual([[null, 1]]);
  });
});
