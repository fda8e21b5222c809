// Two runs side by side: what they measured, with intervals, and where their recipes differ.
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { GitCompare } from "lucide-react";
import { Button, Label, ListBox, ListBoxItem, Popover, Select, SelectValue } from "react-aria-components";
import { api, told, type Schemas } from "../api/client";
import { Card } from "../parts/Card";
import { number, on, signed } from "../parts/say";
import { Empty, Of } from "../parts/Wait";

type Search = { a?: string; b?: string };

export default function Compare() {
  const { a, b } = useSearch({ strict: false }) as Search;
  const go = useNavigate();
  const runs = useQuery({ queryKey: ["runs", "newest"], queryFn: () => told(api.GET("/api/v1/runs", { params: { query: { limit: 100 } } })) });
  const set = (more: Search) => void go({ to: "/compare" as never, search: { a, b, ...more } as never, replace: true });
  return (
    <>
      <div className="runhead">
        <h1>Compare</h1>
      </div>
      <Of query={runs}>
        {(found) => (
          <div className="filters">
            <Choice label="Baseline" runs={found.items} chosen={a} choose={(id) => set({ a: id })} />
            <Choice label="Against it" runs={found.items} chosen={b} choose={(id) => set({ b: id })} />
          </div>
        )}
      </Of>
      {a && b ? <Two a={a} b={b} /> : <Empty icon={GitCompare} title="Pick two runs" />}
    </>
  );
}

function Choice({ label, runs, chosen, choose }: { label: string; runs: Schemas["RunOut"][]; chosen?: string; choose: (id: string) => void }) {
  const name = (run: Schemas["RunOut"]) => `${run.recipe} · ${run.id.slice(-8)} · ${on(run.created)}`;
  return (
    <Select selectedKey={chosen ?? null} onSelectionChange={(key) => choose(String(key))} placeholder="A run">
      <Label>{label}</Label>
      <Button className="btn selbtn">
        <SelectValue />
      </Button>
      <Popover className="pop">
        <ListBox className="found">
          {runs.map((run) => (
            <ListBoxItem key={run.id} id={run.id} className="opt" textValue={name(run)}>
              {name(run)}
            </ListBoxItem>
          ))}
        </ListBox>
      </Popover>
    </Select>
  );
}

function Two({ a, b }: { a: string; b: string }) {
  const query = useQuery({ queryKey: ["compare", a, b], queryFn: () => told(api.GET("/api/v1/runs/compare", { params: { query: { a, b } } })) });
  return (
    <Of query={query} rows={6}>
      {(found) => (
        <div className="grid flush">
          <Card title="Measures" className="c7">
            <div className="scroll" tabIndex={0} role="region" aria-label="Measures">
              <table className="plain num">
                <thead>
                  <tr>
                    <th scope="col">Metric</th>
                    <th scope="col">Baseline</th>
                    <th scope="col">Against it</th>
                    <th scope="col">Difference</th>
                  </tr>
                </thead>
                <tbody>
                  {found.metrics
                    .filter((one) => one.a?.value !== undefined || one.b?.value !== undefined)
                    .map((one) => {
                      const [left, right] = [one.a?.value ?? null, one.b?.value ?? null];
                      const difference = left !== null && right !== null ? right - left : null;
                      const good = difference !== null && difference !== 0 && one.better ? (difference > 0) === (one.better === "max") : null;
                      return (
                        <tr key={`${one.stage} ${one.metric}`}>
                          <th scope="row">
                            {one.metric.replaceAll("_", " ")} <span className="muted sm">{one.stage}</span>
                          </th>
                          <td>{measured(one.a)}</td>
                          <td>{measured(one.b)}</td>
                          <td style={{ color: good === null ? undefined : good ? "var(--ok)" : "var(--bad)" }}>{signed(difference)}</td>
                        </tr>
                      );
                    })}
                </tbody>
              </table>
            </div>
          </Card>
          <Card title="Where their recipes differ" className="c5">
            {Object.keys(found.recipes).length ? (
              <ul className="diff">
                {Object.entries(found.recipes).map(([key, [left, right]]) => (
                  <li key={key}>
                    <b className="mono sm">{key}</b>
                    <span className="mono sm less">− {JSON.stringify(left)}</span>
                    <span className="mono sm more">+ {JSON.stringify(right)}</span>
                  </li>
                ))}
              </ul>
            ) : (
              <p className="muted">They are the same recipe.</p>
            )}
          </Card>
        </div>
      )}
    </Of>
  );
}

function measured(one: Schemas["MeasureOut"] | null) {
  if (!one || one.value === null) return "–";
  return (
    <>
      {number(one.value)}
      {one.interval && (
        <span className="muted sm">
          {" "}
          {number(one.interval[0])} to {number(one.interval[1])}
        </span>
      )}
    </>
  );
}
