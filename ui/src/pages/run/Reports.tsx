// Each stage's report as it was judged: its criteria, its numbers, its details.
import { useQuery } from "@tanstack/react-query";
import { Check, FileSearch, X } from "lucide-react";
import { api, told, type Schemas } from "../../api/client";
import { Fold } from "../../parts/Card";
import { Pill } from "../../parts/Pill";
import { number, short } from "../../parts/say";
import { Empty, Of } from "../../parts/Wait";

export default function Reports({ run }: { run: Schemas["RunOut"] }) {
  const path = { run: run.id };
  const reports = useQuery({ queryKey: ["run", run.id, "reports"], queryFn: () => told(api.GET("/api/v1/runs/{run}/reports", { params: { path } })) });
  const verdicts = useQuery({ queryKey: ["run", run.id, "verdicts"], queryFn: () => told(api.GET("/api/v1/runs/{run}/verdicts", { params: { path } })) });
  return (
    <Of query={reports}>
      {(found) =>
        found.items.length ? (
          <div className="stack">
            {found.items.map((report) => (
              <Report key={report.stage} report={report} verdict={verdicts.data?.items.find((one) => one.stage === report.stage)} />
            ))}
          </div>
        ) : (
          <Empty icon={FileSearch} title="No report yet">
            <p className="muted">Each stage writes one when it is done.</p>
          </Empty>
        )
      }
    </Of>
  );
}

function Report({ report, verdict }: { report: Schemas["ReportOut"]; verdict?: Schemas["VerdictOut"] }) {
  const rows = Object.entries(report.metrics);
  return (
    <Fold
      title={report.stage.charAt(0).toUpperCase() + report.stage.slice(1)}
      aside={verdict && <Pill tone={verdict.decision === "advance" ? "ok" : verdict.decision === "review" ? "warn" : "bad"}>{verdict.decision}</Pill>}
      open={report.stage === "evaluate"}
    >
      {verdict && verdict.criteria.length > 0 && (
        <ul className="criteria">
          {verdict.criteria.map((one) => (
            <li key={one.metric}>
              {one.passed ? <Check size={15} color="var(--ok)" role="img" aria-label="passed" /> : <X size={15} color="var(--bad)" role="img" aria-label="missed" />}
              <span>{one.metric.replaceAll("_", " ")}</span>
              <span className="num">
                <b>{number(one.observed)}</b> <span className="muted">{one.op} {number(one.threshold)}</span>
              </span>
              {one.reason && <span className="muted sm">{one.reason}</span>}
            </li>
          ))}
        </ul>
      )}
      <div className="scroll" tabIndex={0} role="region" aria-label={`Measures of ${report.stage}`}>
        <table className="plain num">
          <thead>
            <tr>
              <th scope="col">Metric</th>
              <th scope="col">Value</th>
              <th scope="col">95 % interval</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(([name, measure]) => (
              <tr key={name}>
                <th scope="row">{name.replaceAll("_", " ")}</th>
                <td>{number(measure.value)}</td>
                <td className="muted">{measure.interval ? `${number(measure.interval[0])} to ${number(measure.interval[1])}` : "–"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className="muted sm">
        {report.n.toLocaleString("en")} rows · split <span className="mono">{short(report.split_digest)}</span>
        {report.times_scored > 0 && ` · this test part was scored ${report.times_scored} ${report.times_scored === 1 ? "time" : "times"} here`}
      </p>
    </Fold>
  );
}
