// A chart with its name: curves to switch on and off, and the same values as a table.
import { Table2 } from "lucide-react";
import { Suspense, useState, type ReactNode } from "react";
import { ToggleButton } from "react-aria-components";
import { Card } from "./Card";
import type { Curve } from "./curves";
import { soon } from "./soon";

const { load, view: Chart } = soon(() => import("./Chart"));
export const ready = load().catch(() => undefined); // whoever has a card for a chart shows one soon

export function ChartCard({ title, summary, curves, aside }: { title: string; summary: string; curves: Curve[]; aside?: ReactNode }) {
  const [hidden, setHidden] = useState<Set<string>>(new Set());
  const [table, setTable] = useState(false);
  const toggle = (name: string, shown: boolean) =>
    setHidden((before) => {
      const next = new Set(before);
      if (shown) next.delete(name);
      else next.add(name);
      return next;
    });
  return (
    <Card
      title={title}
      className="c12 losscard"
      aside={
        <>
          {aside}
          <ul className="legend" aria-label="Curves">
            {curves.map((curve) => (
              <li key={curve.name}>
                <ToggleButton className="btn curve" isSelected={!hidden.has(curve.name)} onChange={(shown) => toggle(curve.name, shown)}>
                  <svg width="20" height="4" aria-hidden>
                    <line x1="0" x2="20" y1="2" y2="2" stroke={`var(${curve.color})`} strokeWidth="3" strokeDasharray={curve.dash?.join(" ")} />
                  </svg>
                  {curve.name}
                </ToggleButton>
              </li>
            ))}
            <li>
              <ToggleButton className="btn" isSelected={table} onChange={setTable}>
                <Table2 size={15} aria-hidden />
                Show as table
              </ToggleButton>
            </li>
          </ul>
        </>
      }
    >
      <Suspense fallback={<div className="chart well" />}>
        <Chart label={`${title}. ${summary}`} curves={curves} hidden={hidden} table={table} />
      </Suspense>
    </Card>
  );
}
