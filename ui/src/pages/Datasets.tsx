// Files of rows: brought in with progress, looked at, mapped to what a task needs, fetched, deleted.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Database, Download, Trash2, UploadCloud } from "lucide-react";
import { Button } from "react-aria-components";
import { api, told, type Schemas } from "../api/client";
import { useList } from "../api/lists";
import { useMay } from "../api/session";
import { Sure } from "../parts/Act";
import { Card } from "../parts/Card";
import { bytes, number, on, short } from "../parts/say";
import { Empty, Of, Trouble, Waiting } from "../parts/Wait";
import { Bring } from "./datasets/Bring";

type Dataset = Schemas["DatasetOut"];

export default function Datasets() {
  const may = useMay();
  const go = useNavigate();
  const client = useQueryClient();
  const { id } = useSearch({ strict: false }) as { id?: string };
  const list = useList<Dataset>(["datasets"], (after) => told(api.GET("/api/v1/datasets", { params: { query: { after, limit: 100 } } })));
  const chosen = list.items.find((one) => one.id === id) ?? list.items[0];
  const show = (one: string) => void go({ to: "/datasets" as never, search: { id: one } as never, replace: true });
  return (
    <>
      <div className="runhead">
        <h1>Datasets</h1>
      </div>
      {may("uploads.create") && (
        <Bring
          made={(dataset) => {
            void client.invalidateQueries({ queryKey: ["datasets"] });
            show(dataset);
          }}
        />
      )}
      {list.error && !list.items.length ? (
        <Trouble error={list.error} again={() => void list.refetch()} />
      ) : list.isPending ? (
        <Waiting rows={5} />
      ) : chosen ? (
        <div className="grid">
          <Card title="Files" icon={Database} className="c4">
            <ul className="choices" aria-label="Datasets">
              {list.items.map((one) => (
                <li key={one.id}>
                  <Button className="choice" aria-current={one.id === chosen.id || undefined} onPress={() => show(one.id)}>
                    <span className="two">
                      <b>{one.name}</b>
                      <span className="muted sm num">
                        {one.rows.toLocaleString("en")} rows · {bytes(one.bytes)}
                      </span>
                    </span>
                    <span className="muted mono sm">{one.format}</span>
                  </Button>
                </li>
              ))}
            </ul>
            {list.hasNextPage && (
              <Button className="btn" onPress={() => void list.fetchNextPage()}>
                More
              </Button>
            )}
          </Card>
          <One key={chosen.id} id={chosen.id} />
        </div>
      ) : (
        <Empty icon={UploadCloud} title="No datasets yet">
          <p className="muted">Drop a file above. The sample of support tickets ships with Engram; the recipe quickstart uses it.</p>
        </Empty>
      )}
    </>
  );
}

function One({ id }: { id: string }) {
  const may = useMay();
  const client = useQueryClient();
  const path = { dataset: id };
  const dataset = useQuery({ queryKey: ["dataset", id], queryFn: () => told(api.GET("/api/v1/datasets/{dataset}", { params: { path } })) });
  const preview = useQuery({
    queryKey: ["dataset", id, "preview"],
    queryFn: () => told(api.GET("/api/v1/datasets/{dataset}/preview", { params: { path, query: { rows: 20 } } })),
  });
  return (
    <div className="c8 stack">
      <Of query={dataset} rows={4}>
        {(found) => (
          <Card
            title={found.name}
            aside={
              <div className="actions">
                {may("datasets.download") && (
                  <a className="btn" href={`/api/v1/datasets/${id}/download`} download>
                    <Download size={16} aria-hidden />
                    Download
                  </a>
                )}
                {may("datasets.delete") && (
                  <Sure
                    label="Delete"
                    icon={<Trash2 size={15} aria-hidden />}
                    question="Its name goes; runs that used it keep their digests."
                    word="Delete it"
                    act={async () => {
                      await told(api.DELETE("/api/v1/datasets/{dataset}", { params: { path } }));
                      await client.invalidateQueries({ queryKey: ["datasets"] });
                    }}
                  />
                )}
              </div>
            }
          >
            <Quality dataset={found} />
          </Card>
        )}
      </Of>
      <Of query={preview} rows={6}>
        {(found) => (
          <>
            <Card title="Mapping" aside={<span className="sm muted">{found.mapping.title}</span>}>
              {found.mapping.roles.length > 0 && (
                <ul className="criteria">
                  {found.mapping.roles.map((role) => (
                    <li key={role.role}>
                      <b>{role.role}</b>
                      <span className="mono sm">{role.found ? role.column : "–"}</span>
                      <span className="muted sm">{role.what}</span>
                    </li>
                  ))}
                </ul>
              )}
              {found.mapping.problems.map((problem) => (
                <p key={problem} className="fault">
                  {problem}
                </p>
              ))}
            </Card>
            <Card title="First rows">
              <div className="scroll" tabIndex={0} role="region" aria-label="First rows">
                <table className="plain left">
                  <thead>
                    <tr>
                      <th scope="col">Line</th>
                      {found.columns.map((column) => (
                        <th key={column} scope="col">
                          {column}
                        </th>
                      ))}
                    </tr>
                  </thead>
                  <tbody>
                    {found.rows.map((row) => (
                      <tr key={row.line}>
                        <th scope="row" className="num">
                          {row.line}
                        </th>
                        {found.columns.map((column) => (
                          <td key={column}>{row.cells[column] ?? ""}</td>
                        ))}
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            </Card>
          </>
        )}
      </Of>
    </div>
  );
}

function Quality({ dataset }: { dataset: Schemas["DatasetDetail"] }) {
  const { quality } = dataset;
  const missing = Object.entries(quality.missing).filter(([, count]) => count > 0);
  return (
    <>
      <dl className="kpis">
        {(
          [
            ["Rows", quality.rows.toLocaleString("en")],
            ["Duplicates", quality.duplicates.toLocaleString("en")],
            ["Blank", quality.blank.toLocaleString("en")],
            ["Size", bytes(dataset.bytes)],
          ] as const
        ).map(([name, value]) => (
          <div key={name} className="kpi well">
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <dl className="facts">
        <dt>Digest</dt>
        <dd className="mono">{short(dataset.digest)}</dd>
        <dt>Licence</dt>
        <dd>{dataset.license || "unstated"}</dd>
        <dt>Brought in</dt>
        <dd>{on(dataset.created)}</dd>
        {missing.length > 0 && (
          <>
            <dt>Empty cells</dt>
            <dd>{missing.map(([column, count]) => `${column}: ${number(count)}`).join(", ")}</dd>
          </>
        )}
      </dl>
      {quality.flagged.length > 0 && (
        <ul className="criteria spaced">
          {quality.flagged.slice(0, 8).map((flag) => (
            <li key={`${flag.line} ${flag.column}`}>
              <span className="mono sm">line {flag.line}</span>
              <span className="sm">
                {flag.column} {flag.what}
              </span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
