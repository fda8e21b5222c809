// A pinned baseline and up to three runs beside it: their curves over each other, what they measured, with intervals, and
// where their recipes differ. All of it is in the address.
import { useQueries, useQuery, type UseQueryResult } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { GitCompare, Pin, TrendingDown, X } from "lucide-react";
import { Button, Label, ListBox, ListBoxItem, Popover, Select, SelectValue } from "react-aria-components";
import { api, told, type Schemas } from "../api/client";
import { Card } from "../parts/Card";
import { ChartCard } from "../parts/ChartCard";
import { COLORS, DASHES, type Curve } from "../parts/curves";
import { State } from "../parts/Pill";
import { number, on, signed } from "../parts/say";
import { Empty, Of, Trouble, Waiting } from "../parts/Wait";
import "./compare/compare.css";
import { differences, lines, listOf, MOST_OTHERS, type Against } from "./compare/table";

type Search = { a?: string; b?: string; curve?: string };
type Run = Schemas["RunRow"];
type Known = { id: string; name: string };

export default function Compare() {
  const search = useSearch({ strict: false }) as Search;
  const go = useNavigate();
  const newest = useQuery({ queryKey: ["runs", "hundred"], queryFn: () => told(api.GET("/api/v1/runs", { params: { query: { limit: 100 } } })) });
  const others = listOf(search.b).filter((id) => id !== search.a);
  const set = (more: Search) => void go({ to: "/compare" as never, search: Object.fromEntries(Object.entries({ ...search, ...more }).filter(([, value]) => value)) as never, replace: true });
  const ids = search.a ? [search.a, ...others] : [];
  const runs = useQueries({ queries: ids.map((id) => ({ queryKey: ["run", id], queryFn: () => told(api.GET("/api/v1/runs/{run}", { params: { path: { run: id } } })) })) });
  const known: Known[] = ids.map((id, place) => ({ id, name: `${runs[place]?.data?.recipe ?? "run"} ${id.slice(-8)}` }));
  const failed = runs.find((one) => one.error);
  return (
    <>
      <div className="runhead">
        <h1>Compare</h1>
      </div>
      <Of query={newest}>
        {(found) => (
          <div className="filters">
            <Choice label="Pinned baseline" runs={found.items} chosen={search.a} choose={(a) => set({ a, b: others.filter((id) => id !== a).join(",") })} />
            {search.a && others.length < MOST_OTHERS && (
              <Choice label="Against it" runs={found.items.filter((run) => !ids.includes(run.id))} choose={(id) => set({ b: [...others, id].join(",") })} />
            )}
          </div>
        )}
      </Of>
      {failed && <Trouble error={failed.error} again={() => void failed.refetch()} />}
      {ids.length > 0 && (
        <ul className="chosenruns" aria-label="Compared runs">
          {known.map((one, place) => (
            <li key={one.id} className="well">
              <span className="swatch" style={{ background: `var(${COLORS[place]!})` }} aria-hidden />
              <Link to={"/runs/$run" as never} params={{ run: one.id } as never}>
                {one.name}
              </Link>
              {runs[place]?.data && <State state={runs[place].data.state} />}
              {place === 0 ? (
                <span className="muted sm">the baseline</span>
              ) : (
                <span className="actions end">
                  <Button className="btn" onPress={() => set({ a: one.id, b: ids.filter((id) => id !== one.id).join(",") })}>
                    <Pin size={15} aria-hidden />
                    Pin as baseline
                  </Button>
                  <Button className="btn sq" aria-label={`Leave out ${one.name}`} onPress={() => set({ b: others.filter((id) => id !== one.id).join(",") })}>
                    <X size={15} aria-hidden />
                  </Button>
                </span>
              )}
            </li>
          ))}
        </ul>
      )}
      {others.length ? (
        <div className="grid flush">
          <Overlay runs={known} wanted={search.curve} choose={(curve) => set({ curve })} />
          <Pairs runs={known} />
        </div>
      ) : (
        <Empty icon={GitCompare} title="Pick two runs">
          <p>{search.a ? "Choose one to set against the baseline." : "Choose a baseline here, or select runs in the table and press Compare."}</p>
          <Link className="btn" to="/runs">
            Open runs
          </Link>
        </Empty>
      )}
    </>
  );
}

function Choice({ label, runs, chosen, choose }: { label: string; runs: Run[]; chosen?: string; choose: (id: string) => void }) {
  const name = (run: Run) => `${run.recipe} · ${run.id.slice(-8)} · ${on(run.created)}`;
  const listed = chosen === undefined || runs.some((run) => run.id === chosen);
  return (
    <Select selectedKey={chosen ?? null} onSelectionChange={(key) => choose(String(key))} placeholder="A run" className="choose">
      <Label className="sm">{label}</Label>
      <Button className="btn selbtn">
        <SelectValue className="clip" />
      </Button>
      <Popover className="pop">
        <ListBox className="found">
          {[
            ...(listed ? [] : [{ id: chosen, text: `run ${chosen.slice(-8)}` }]),
            ...runs.map((run) => ({ id: run.id, text: name(run) })),
          ].map((one) => (
            <ListBoxItem key={one.id} id={one.id} className="opt" textValue={one.text}>
              {one.text}
            </ListBoxItem>
          ))}
        </ListBox>
      </Popover>
    </Select>
  );
}

const first = <T,>(queries: UseQueryResult<T>[]): UseQueryResult<T> | undefined => queries.find((one) => one.error);

function Overlay({ runs, wanted, choose }: { runs: Known[]; wanted?: string; choose: (curve: string) => void }) {
  const asked = useQueries({
    queries: runs.map(({ id }) => ({
      queryKey: ["run", id, "curves"],
      queryFn: () => told(api.GET("/api/v1/runs/{run}/metrics", { params: { path: { run: id }, query: { max_points: 1000 } } })),
    })),
  });
  const failed = first(asked);
  if (failed) return <Trouble error={failed.error} again={() => void failed.refetch()} />;
  if (asked.some((one) => !one.data)) return <Waiting rows={6} />;
  const names = [...new Set(asked.flatMap((one) => one.data!.series.map((series) => series.name)))];
  const shown = wanted && names.includes(wanted) ? wanted : (names.find((name) => name === "loss") ?? names[0]);
  const curves = asked.flatMap((one, place): Curve[] => {
    const series = one.data!.series.find((candidate) => candidate.name === shown);
    if (!series) return [];
    return [
      {
        name: runs[place]!.name,
        color: COLORS[place]!,
        dash: DASHES[place],
        steps: series.points.map((point) => point.step),
        values: series.points.map((point) => point.mean),
      },
    ];
  });
  if (!shown || !curves.length) {
    return (
      <Card title="Curves" className="c12">
        <Empty icon={TrendingDown} title="None of them has taken a step" />
      </Card>
    );
  }
  const title = shown.replaceAll("_", " ");
  return (
    <ChartCard
      title={title.charAt(0).toUpperCase() + title.slice(1)}
      summary={`By step: ${curves.map((curve) => `${curve.name} ended at ${number(curve.values.at(-1))}`).join(", ")}.`}
      curves={curves}
      aside={
        <Select aria-label="Curve" selectedKey={shown} onSelectionChange={(key) => choose(String(key))}>
          <Button className="btn selbtn">
            <SelectValue />
          </Button>
          <Popover className="pop">
            <ListBox className="found">
              {names.map((name) => (
                <ListBoxItem key={name} id={name} className="opt" textValue={name}>
                  {name.replaceAll("_", " ")}
                </ListBoxItem>
              ))}
            </ListBox>
          </Popover>
        </Select>
      }
    />
  );
}

function Pairs({ runs }: { runs: Known[] }) {
  const [base, ...others] = runs;
  const asked = useQueries({
    queries: others.map(({ id }) => ({
      queryKey: ["compare", base!.id, id],
      queryFn: () => told(api.GET("/api/v1/runs/compare", { params: { query: { a: base!.id, b: id } } })),
    })),
  });
  const failed = first(asked);
  if (failed) return <Trouble error={failed.error} again={() => void failed.refetch()} />;
  if (asked.some((one) => !one.data)) return <Waiting rows={6} />;
  const pairs = asked.map((one) => one.data!);
  const differ = differences(pairs);
  return (
    <>
      <Card title="Measures" className="c12" aside={<span className="muted sm">with 95 % intervals; the difference is against the baseline</span>}>
        <div className="scroll" tabIndex={0} role="region" aria-label="Measures of both">
          <table className="plain num compare">
            <Head first="Metric" runs={runs} />
            <tbody>
              {lines(pairs).map((line) => (
                <tr key={`${line.stage} ${line.metric}`}>
                  <th scope="row">
                    {line.metric.replaceAll("_", " ")} <span className="muted sm">{line.stage}</span>
                  </th>
                  <td>
                    {number(line.base?.value)}
                    <Interval of={line.base} />
                  </td>
                  {line.others.map((one, place) => (
                    <td key={runs[place + 1]!.id}>
                      {number(one.measure?.value)} <Delta of={one} />
                      <Interval of={one.measure} />
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </Card>
      <Card title="Where their recipes differ" className="c12">
        {differ.length ? (
          <div className="scroll" tabIndex={0} role="region" aria-label="Differences">
            <table className="plain left compare">
              <Head first="Key" runs={runs} />
              <tbody>
                {differ.map(([key, values]) => (
                  <tr key={key}>
                    <th scope="row" className="mono sm">
                      {key}
                    </th>
                    {values.map((value, place) => (
                      <td key={runs[place]!.id} className={`mono sm wrap ${place && JSON.stringify(value) === JSON.stringify(values[0]) ? "same" : ""}`}>
                        {value === null || value === undefined ? "–" : JSON.stringify(value)}
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        ) : (
          <p className="muted">They are the same recipe.</p>
        )}
      </Card>
    </>
  );
}

function Head({ first: name, runs }: { first: string; runs: Known[] }) {
  return (
    <thead>
      <tr>
        <th scope="col">{name}</th>
        {runs.map((run, place) => (
          <th key={run.id} scope="col">
            {run.name}
            {place === 0 && " (baseline)"}
          </th>
        ))}
      </tr>
    </thead>
  );
}

function Delta({ of }: { of: Against }) {
  if (of.difference === null) return null;
  const said = of.good === null ? "" : of.good ? "better" : "worse";
  return (
    <span className={of.good === null ? "muted" : of.good ? "good" : "worse"}>
      {signed(of.difference)}
      {said && <span className="sr"> {said}</span>}
      {of.apart !== null && <small>{of.apart ? "intervals apart" : "intervals overlap"}</small>}
    </span>
  );
}

function Interval({ of }: { of: Schemas["MeasureOut"] | null }) {
  if (!of?.interval) return null;
  return (
    <small>
      {number(of.interval[0])} to {number(of.interval[1])}
    </small>
  );
}
