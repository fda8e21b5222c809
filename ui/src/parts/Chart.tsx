// Curves by step. The smoothed line leads, the raw one stays faint; arrow keys move a cursor whose values are spoken, and
// the same values stand in a table.
import { useEffect, useMemo, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { align, smooth, weightFor, type Curve } from "./curves";
import { number } from "./say";

type Given = { label: string; curves: Curve[]; hidden: Set<string>; table: boolean };
const FINEST = 200;

export default function Chart({ label, curves, hidden, table }: Given) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [at, setAt] = useState<number | null>(null);
  const data = useMemo(() => align(curves), [curves]);
  const drawn = useRef(data);
  drawn.current = data;
  // What is drawn anew only when the curves themselves are others: new values are put into the drawing, zoomed or not.
  const looks = JSON.stringify(curves.map((curve) => [curve.name, curve.color, curve.dash, curve.steps.length < 3, hidden.has(curve.name)]));

  useEffect(() => {
    const element = box.current!;
    const said = JSON.parse(looks) as [string, string, number[] | null, boolean, boolean][];
    const size = () => ({ width: Math.max(120, element.clientWidth - 12), height: Math.max(120, element.clientHeight - 14) });
    const draw = () => {
      plot.current?.destroy();
      const style = getComputedStyle(document.documentElement);
      const token = (name: string) => style.getPropertyValue(name).trim();
      const axis = { stroke: token("--text-muted"), font: '12px "Inter Variable"', grid: { stroke: token("--grid"), width: 1 }, ticks: { show: false } };
      plot.current = new uPlot(
        {
          ...size(),
          legend: { show: false },
          // Before anybody points at it there is no hair line at the left edge.
          cursor: { points: { size: 7 }, drag: { x: true, y: false }, left: -10, top: -10 },
          scales: { x: { time: false } },
          axes: [{ ...axis, values: (_, ticks) => ticks.map((tick) => (tick >= 1000 ? `${tick / 1000}k` : String(tick))) }, { ...axis, size: 52 }],
          series: [
            {},
            ...said.map(([name, color, , , off]) => ({ label: `${name}, raw`, stroke: `${token(color)}40`, width: 1, points: { show: false }, show: !off, spanGaps: true })),
            ...said.map(([name, color, dash, few, off]) => ({ label: name, stroke: token(color), width: 2.2, dash: dash ?? undefined, points: { show: few }, show: !off, spanGaps: true })),
          ],
        },
        rows(drawn.current),
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
  }, [looks]);

  useEffect(() => {
    const now = plot.current;
    if (!now || now.data[0] === data.steps) return;
    const before = now.data[0];
    const { min, max } = now.scales.x!;
    // A drawing that was made a moment ago has no bounds yet: it isn't zoomed.
    const bound = typeof min === "number" && typeof max === "number";
    const zoomed = bound && before.length > 0 && (min > before[0]! || max < before.at(-1)!);
    now.setData(rows(data), !zoomed);
    if (zoomed) now.setScale("x", { min, max });
  }, [data]);

  const step = (by: number) => {
    const next = Math.min(data.steps.length - 1, Math.max(0, (at ?? (by > 0 ? -1 : data.steps.length)) + by));
    setAt(next);
    plot.current?.setCursor({ left: plot.current.valToPos(data.steps[next]!, "x"), top: 10 });
  };
  const spoken = at === null ? "" : curves.flatMap((curve, place) => (hidden.has(curve.name) || data.values[place]![at] === null ? [] : [`${curve.name} ${number(data.values[place]![at])}`])).join(", ");
  return (
    <>
      <div
        ref={box}
        className="chart well"
        role="application"
        aria-roledescription="chart"
        tabIndex={0}
        aria-label={`${label} Arrow keys read the values.`}
        onKeyDown={(event) => {
          const by = { ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10, Home: -data.steps.length, End: data.steps.length }[event.key];
          if (by === undefined || !data.steps.length) return;
          event.preventDefault();
          step(by);
        }}
      />
      <p className={at === null ? "sr" : "muted sm num readout"} role="status">
        {at !== null && `Step ${data.steps[at]}: ${spoken || "nothing measured"}`}
      </p>
      {table && <Values label={label} curves={curves} steps={data.steps} values={data.values} />}
    </>
  );
}

/** The values in a table; of a long curve every so many steps, so that a page can hold it. */
function Values({ label, curves, steps, values }: { label: string; curves: Curve[]; steps: number[]; values: (number | null)[][] }) {
  const every = Math.ceil(steps.length / FINEST);
  return (
    <div className="scroll tall" tabIndex={0} role="region" aria-label={`${label} Values.`}>
      <table className="plain num">
        {every > 1 && <caption className="muted sm">Every {every}th of the measured steps</caption>}
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
          {steps.map((one, place) =>
            place % every ? null : (
              <tr key={one}>
                <th scope="row">{one}</th>
                {values.map((row, curve) => (
                  <td key={curve}>{number(row[place])}</td>
                ))}
              </tr>
            ),
          )}
        </tbody>
      </table>
    </div>
  );
}

const rows = (data: ReturnType<typeof align>): uPlot.AlignedData => [data.steps, ...data.values, ...data.values.map((row) => smooth(row, weightFor(row.filter((value) => value !== null).length)))] as unknown as uPlot.AlignedData;
