// What was measured: the curves of the training, and each metric beside its baseline with its interval.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Ruler, TrendingDown } from "lucide-react";
import { useMemo, useState } from "react";
import type { Schemas } from "../../api/client";
import { useTopic } from "../../live/hooks";
import { Card } from "../../parts/Card";
import { ChartCard } from "../../parts/ChartCard";
import { COLORS, DASHES, type Curve } from "../../parts/curves";
import { number, signed } from "../../parts/say";
import { Empty, Of } from "../../parts/Wait";
import { curvesOf, reportsOf } from "./measured";

const LOSSES = new Set(["loss", "valid_loss", "validation_loss"]);

export default function Metrics({ run }: { run: Schemas["RunOut"] }) {
  const client = useQueryClient();
  const curves = useQuery(curvesOf(run.id));
  // A training says something many times a second; its curves are drawn anew once in two.
  const [asked, setAsked] = useState(0);
  useTopic(`events/${run.id}`, (message) => {
    if (message.type !== "event" || message.event.type !== "metric") return;
    const now = Date.now();
    if (now - asked < 2000) return;
    setAsked(now);
    void client.invalidateQueries({ queryKey: curvesOf(run.id).queryKey });
  });
  const reports = useQuery(reportsOf(run.id));
  return (
    <div className="grid">
      <Of query={curves}>{(found) => <Curves found={found} />}</Of>
      <Of query={reports}>{(found) => <Measured reports={found.items} />}</Of>
    </div>
  );
}

function Curves({ found }: { found: Schemas["Curves"] }) {
  const curves = useMemo<Curve[]>(
    () =>
      found.series
        .filter((one) => LOSSES.has(one.name))
        .map((one, place) => ({
          name: one.name.replaceAll("_", " "),
          color: COLORS[place % COLORS.length]!,
          dash: DASHES[place % DASHES.length],
          steps: one.points.map((point) => point.step),
          values: one.points.map((point) => point.mean),
        })),
    [found],
  );
  if (!curves.length) {
    return (
      <Card title="Loss" className="c12">
        <Empty icon={TrendingDown} title="No step has been taken yet">
          <p className="muted">Curves appear with the first steps of the training.</p>
        </Empty>
      </Card>
    );
  }
  const last = curves.map((curve) => `${curve.name} went from ${number(curve.values[0])} to ${number(curve.values.at(-1))}`).join(", ");
  return <ChartCard title="Loss" summary={`By step, ${last}.`} curves={curves} />;
}

function Measured({ reports }: { reports: Schemas["ReportOut"][] }) {
  const report = reports.find((one) => one.stage === "evaluate") ?? reports.find((one) => one.stage === "baseline");
  if (!report) {
    return (
      <Card title="Against the baseline" className="c12">
        <Empty icon={Ruler} title="Nothing was measured yet">
          <p className="muted">The baseline is measured before the training, the model after it.</p>
        </Empty>
      </Card>
    );
  }
  const rows = Object.entries(report.metrics).filter(([, measure]) => measure.value !== null);
  return (
    <Card title={report.stage === "evaluate" ? "Against the baseline" : "The baseline"} className="c12" aside={<span className="sm muted">{report.n.toLocaleString("en")} held-out rows</span>}>
      <div className="scroll" tabIndex={0} role="region" aria-label="Measures">
        <table className="plain num">
          <thead>
            <tr>
              <th scope="col">Metric</th>
              <th scope="col">Baseline</th>
              <th scope="col">Tuned</th>
              <th scope="col">Difference</th>
              <th scope="col">95 % interval</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(([name, measure]) => (
              <tr key={name}>
                <th scope="row">{name.replaceAll("_", " ")}</th>
                <td>{number(measure.baseline)}</td>
                <td>
                  <b>{number(measure.value)}</b>
                </td>
                <td>{signed(measure.difference)}</td>
                <td className="muted">{measure.difference_interval ? `${signed(measure.difference_interval[0])} to ${signed(measure.difference_interval[1])}` : "–"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}
