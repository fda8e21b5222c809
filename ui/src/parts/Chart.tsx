// Curves by step. The smoothed line leads, the raw one stays faint; arrow keys move a cursor whose values are spoken, and
// the same values stand in a table.
import { useEffect, useMemo, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { number } from "./say";

export type Curve = { name: string; color: string; dash?: number[]; steps: number[]; values: number[] };
type Given = { label: string; curves: Curve[]; hidden: Set<string>; table: boolean };
const SMOOTH = 0.85;

/** An exponential average that begins at the first value, so that no curve begins at zero. */
export function smooth(values: (number | null)[], weight = SMOOTH): (number | null)[] {
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
      row[places.get(step)!] = curve.values[place] ?? null;
    });
    return row;
  });
  return { steps, values };
}

export default function Chart({ label, curves, hidden, table }: Given) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [at, setAt] = useState<number | null>(null);
  const data = useMemo(() => align(curves), [curves]);

  useEffect(() => {
    const element = box.current!;
    const style = () => getComputedStyle(document.documentElement);
    const size = () => ({ width: Math.max(120, element.clientWidth - 12), height: Math.max(120, element.clientHeight - 14) });
    const draw = () => {
      plot.current?.destroy();
      const token = (name: string) => style().getPropertyValue(name).trim();
      const axis = { stroke: token("--text-muted"), font: '12px "Inter Variable"', grid: { stroke: token("--grid"), width: 1 }, ticks: { show: false } };
      const shown = (curve: Curve) => !hidden.has(curve.name);
      plot.current = new uPlot(
        {
          ...size(),
          legend: { show: false },
          cursor: { points: { size: 7 }, drag: { x: true, y: false } },
          scales: { x: { time: false } },
          axes: [{ ...axis, values: (_, ticks) => ticks.map((tick) => (tick >= 1000 ? `${tick / 1000}k` : String(tick))) }, { ...axis, size: 52 }],
          series: [
            {},
            ...curves.map((curve) => ({ label: curve.name, stroke: `${token(curve.color)}40`, width: 1, points: { show: false }, show: shown(curve), spanGaps: true })),
            ...curves.map((curve) => ({ label: curve.name, stroke: token(curve.color), width: 2.2, dash: curve.dash, points: { show: curve.steps.length < 3 }, show: shown(curve), spanGaps: true })),
          ],
        },
        [data.steps, ...data.values, ...data.values.map((row) => smooth(row))] as unknown as uPlot.AlignedData,
        element,
      );
    };
    draw();
    const watch = new ResizeObserver(() => plot.current?.setSize(size()));
    watch.observe(element);
    addEventListener("theme", draw);
    return () => {
      watch.disconnect();
      removeEventListener("theme", draw);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [curves, data, hidden]);

  const step = (by: number) => {
    const next = Math.min(data.steps.length - 1, Math.max(0, (at ?? -1) + by));
    setAt(next);
    plot.current?.setCursor({ left: plot.current.valToPos(data.steps[next]!, "x"), top: 10 });
  };
  const spoken = at === null ? "" : curves.map((curve, place) => `${curve.name} ${number(data.values[place]![at])}`).join(", ");
  return (
    <>
      <div
        ref={box}
        className="chart well"
        role="img"
        tabIndex={0}
        aria-label={label}
        onKeyDown={(event) => {
          const by = { ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10, Home: -data.steps.length, End: data.steps.length }[event.key];
          if (by === undefined || !data.steps.length) return;
          event.preventDefault();
          step(by);
        }}
      />
      <p className="sr" role="status">
        {at !== null && `Step ${data.steps[at]}: ${spoken}`}
      </p>
      {table && (
        <div className="scroll" tabIndex={0} role="region" aria-label={`${label} Values.`}>
          <table className="plain num">
            <thead>
              <tr>
                <th scope="col">Step</th>
                {curves.map((curve) => (
                  <th key={curve.name} scope="col">
                    {curve.name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {data.steps.map((one, place) => (
                <tr key={one}>
                  <th scope="row">{one}</th>
                  {data.values.map((row, curve) => (
                    <td key={curve}>{number(row[place])}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}
