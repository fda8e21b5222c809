// Curves before they are drawn: on one axis, and smoothed before anything is left out.
export type Curve = { name: string; color: string; dash?: number[]; steps: number[]; values: number[] };
export const COLORS = ["--c1", "--c3", "--c2", "--c4", "--c5"];
export const DASHES = [undefined, [7, 4], [2, 4], [9, 3, 2, 3], [4, 4]];
const SMOOTH = 0.85;

/** How much of the average stays at each step: little where there are few points, which a long memory would falsify. */
export const weightFor = (points: number): number => Math.max(0, Math.min(SMOOTH, 1 - 20 / Math.max(1, points)));

/** An exponential average that begins at the first value, so that no curve begins at zero. */
export function smooth(values: (number | null)[], weight: number): (number | null)[] {
  let last: number | null = null;
  return values.map((value) => {
    if (value === null) return null;
    last = last === null ? value : last * weight + value * (1 - weight);
    return last;
  });
}

/** Put curves of different steps onto one axis; a place that a curve doesn't have is null. */
export function align(curves: Curve[]): { steps: number[]; values: (number | null)[][] } {
  const steps = [...new Set(curves.flatMap((curve) => curve.steps))].sort((a, b) => a - b);
  const places = new Map(steps.map((step, place) => [step, place]));
  const values = curves.map((curve) => {
    const row: (number | null)[] = Array.from({ length: steps.length }, () => null);
    curve.steps.forEach((step, place) => {
      const value = curve.values[place];
      row[places.get(step)!] = value === undefined || !Number.isFinite(value) ? null : value;
    });
    return row;
  });
  return { steps, values };
}
