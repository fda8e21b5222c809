// What the run learnt from: its sources, how their rows were dealt, what was dropped, and what the gate said of it.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { BookOpen, Check, Database, ListChecks, Split, X } from "lucide-react";
import { api, told, type Schemas } from "../../api/client";
import { useMay } from "../../api/session";
import { Card } from "../../parts/Card";
import { Meter } from "../../parts/Meter";
import { Reading } from "../../parts/Reading";
import { number, short } from "../../parts/say";
import { Empty, Of, Waiting } from "../../parts/Wait";
import { recipeQuery } from "./Config";
import { OPS } from "./gates";

type Source = { dataset?: string | null; sample?: string | null; hub?: string | null; path?: string | null; format?: string; license?: string };
const PARTS = ["train", "valid", "test"];

export default function Data({ run }: { run: Schemas["RunOut"] }) {
  const path = { run: run.id };
  const reports = useQuery({ queryKey: ["run", run.id, "reports"], queryFn: () => told(api.GET("/api/v1/runs/{run}/reports", { params: { path } })) });
  const verdicts = useQuery({ queryKey: ["run", run.id, "verdicts"], queryFn: () => told(api.GET("/api/v1/runs/{run}/verdicts", { params: { path } })) });
  const report = reports.data?.items.find((one) => one.stage === "data");
  const verdict = verdicts.data?.items.find((one) => one.stage === "data");
  return (
    <div className="grid">
      <Sources run={run} />
      {report ? (
        <>
          <Parts report={report} />
          <Found report={report} verdict={verdict} />
          <FirstRow pieces={(report.details.reading ?? []) as Schemas["PieceOut"][]} />
        </>
      ) : reports.isPending ? (
        <Waiting rows={6} />
      ) : (
        <Card title="Rows" className="c7">
          <Empty icon={Database} title="The rows are not read yet">
            <p className="muted">How they were dealt stands here when the run has read them.</p>
          </Empty>
        </Card>
      )}
    </div>
  );
}

function Sources({ run }: { run: Schemas["RunOut"] }) {
  const recipe = useQuery(recipeQuery(run.id));
  const may = useMay();
  const datasets = useQuery({ queryKey: ["datasets", "all"], enabled: may("datasets.list"), queryFn: () => told(api.GET("/api/v1/datasets", { params: { query: { limit: 200 } } })) });
  return (
    <Card title="Where it comes from" icon={Database} className="c5">
      <Of query={recipe}>
        {(found) => {
          const data = found.recipe.data as { sources: Source[]; format: string; columns: Record<string, string>; clean: Record<string, unknown>; split: Record<string, unknown> };
          return (
            <dl className="facts">
              {data.sources.map((one, place) => {
                const known = datasets.data?.items.find((row) => row.digest === one.dataset);
                return (
                  <div key={place} className="pair">
                    <dt>{one.dataset ? "Dataset" : one.sample ? "Sample" : one.hub ? "Hub" : "File"}</dt>
                    <dd className="wrap">{known ? <Link to={"/datasets" as never}>{known.name}</Link> : (one.sample ?? one.hub ?? one.path ?? short(one.dataset ?? ""))}</dd>
                    {one.dataset && (
                      <>
                        <dt>Digest</dt>
                        <dd className="mono sm wrap">{one.dataset}</dd>
                      </>
                    )}
                    <dt>Licence</dt>
                    <dd>{one.license}</dd>
                  </div>
                );
              })}
              {Object.entries(data.columns).map(([role, column]) => (
                <div key={role} className="pair">
                  <dt>Column for {role}</dt>
                  <dd className="wrap">{column}</dd>
                </div>
              ))}
              <dt>Duplicates</dt>
              <dd>{data.clean.deduplicate === "none" ? "kept" : `${String(data.clean.deduplicate)} ones are dropped`}</dd>
              <dt>Seed of the split</dt>
              <dd className="num">{String(data.split.seed)}</dd>
            </dl>
          );
        }}
      </Of>
    </Card>
  );
}

function Parts({ report }: { report: Schemas["ReportOut"] }) {
  const rows = (report.details.rows ?? {}) as Record<string, number>;
  const total = Math.max(1, Object.values(rows).reduce((sum, one) => sum + one, 0));
  const [read, dropped] = [report.metrics.rows_read?.value, report.metrics.rows_dropped?.value];
  return (
    <Card title="How the rows were dealt" icon={Split} className="c7">
      <dl className="kpis three">
        {[
          ["Read", read],
          ["Dropped", dropped],
          ["Kept", report.metrics.rows_kept?.value],
        ].map(([name, value]) => (
          <div key={String(name)} className="kpi well">
            <dt>{name}</dt>
            <dd>{number(value as number | null)}</dd>
          </div>
        ))}
      </dl>
      <ul className="bars">
        {PARTS.filter((part) => part in rows).map((part) => (
          <li key={part}>
            <span>{part}</span>
            <Meter label={`${part}: ${rows[part]} rows`} done={rows[part]!} total={total} />
            <span className="num end">{rows[part]!.toLocaleString("en")}</span>
          </li>
        ))}
      </ul>
      <p className="muted sm">
        Split <span className="mono">{short(report.split_digest)}</span>
      </p>
    </Card>
  );
}

function FirstRow({ pieces }: { pieces: Schemas["PieceOut"][] }) {
  if (!pieces.length) return null;
  return (
    <Card title="What is learned" icon={BookOpen} className="c12">
      <Reading pieces={pieces} />
    </Card>
  );
}

function Found({ report, verdict }: { report: Schemas["ReportOut"]; verdict?: Schemas["VerdictOut"] }) {
  const said = (report.details.said ?? []) as string[];
  return (
    <Card title="What was found" icon={ListChecks} className="c12">
      {verdict && (
        <ul className="criteria">
          {verdict.criteria.map((one) => (
            <li key={`${one.metric} ${one.op}`}>
              {one.passed ? <Check size={15} color="var(--ok)" role="img" aria-label="passed" /> : <X size={15} color="var(--bad)" role="img" aria-label="missed" />}
              <span>{one.metric.replaceAll("_", " ")}</span>
              <span className="num">
                <b>{number(one.observed)}</b> <span className="muted">{OPS[one.op] ?? one.op} {number(one.threshold)}</span>
              </span>
              {one.reason && <span className="muted sm">{one.reason}</span>}
            </li>
          ))}
        </ul>
      )}
      <ul className="facts sm">
        {said.map((one, place) => (
          <li key={place} className="wrap">
            {one}
          </li>
        ))}
      </ul>
    </Card>
  );
}
