// How runs dealt the rows of a dataset, and the first row as their model reads it.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Split } from "lucide-react";
import { api, told, type Schemas } from "../../api/client";
import { Card } from "../../parts/Card";
import { Long } from "../../parts/Long";
import { Reading } from "../../parts/Reading";
import { Empty, Of } from "../../parts/Wait";

const PARTS = ["train", "valid", "test"];

export function Splits({ id }: { id: string }) {
  const splits = useQuery({ queryKey: ["dataset", id, "splits"], queryFn: () => told(api.GET("/api/v1/datasets/{dataset}/splits", { params: { path: { dataset: id } } })) });
  return (
    <Card title="Splits" icon={Split}>
      <Of query={splits} rows={2}>
        {({ items }) =>
          items.length ? (
            <div className="stack">
              <Table splits={items} />
              <Newest splits={items} />
            </div>
          ) : (
            <Empty icon={Split} title="No run has dealt these rows yet">
              <p className="muted">A run deals them into training, validation and test as its recipe says.</p>
            </Empty>
          )
        }
      </Of>
    </Card>
  );
}

function Table({ splits }: { splits: Schemas["SplitOut"][] }) {
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label="Rows of each split">
      <table className="plain num">
        <thead>
          <tr>
            <th scope="col">Split</th>
            {PARTS.map((part) => (
              <th key={part} scope="col">
                {part}
              </th>
            ))}
            <th scope="col">Runs</th>
            <th scope="col">Newest run</th>
          </tr>
        </thead>
        <tbody>
          {splits.map((one) => (
            <tr key={one.digest}>
              <th scope="row">
                <Long value={one.digest} what="digest" />
              </th>
              {PARTS.map((part) => (
                <td key={part}>{one.rows[part]?.toLocaleString("en") ?? "–"}</td>
              ))}
              <td>{one.runs.toLocaleString("en")}</td>
              <td>
                <Link to={"/runs/$run" as never} params={{ run: one.run } as never}>
                  {one.recipe}
                </Link>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Newest({ splits }: { splits: Schemas["SplitOut"][] }) {
  const shown = splits.find((one) => one.reading.length > 0);
  return shown ? <Reading pieces={shown.reading} /> : null;
}
