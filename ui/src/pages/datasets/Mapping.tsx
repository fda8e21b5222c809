// How a task would read the rows: a role for each column, tried on the first rows at once, and those rows themselves.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Check, TriangleAlert } from "lucide-react";
import { api, told, type Schemas } from "../../api/client";
import { Card } from "../../parts/Card";
import { Pick } from "../../parts/Pick";
import { Of } from "../../parts/Wait";
import { asRecipe, give, parsePairs, pairsText } from "./mapping";

type Preview = Schemas["PreviewOut"];
type Search = { id?: string; name?: string; kind?: string; task?: string; columns?: string };

export function Mapping({ id }: { id: string }) {
  const go = useNavigate();
  const search = useSearch({ strict: false }) as Search;
  const kinds = useQuery({ queryKey: ["kinds"], queryFn: () => told(api.GET("/api/v1/kinds")) });
  const { kind, task, columns = "" } = search;
  const asked = kind && task ? { kind, task } : {};
  const preview = useQuery({
    queryKey: ["dataset", id, "preview", asked, columns],
    queryFn: () => told(api.GET("/api/v1/datasets/{dataset}/preview", { params: { path: { dataset: id }, query: { rows: 20, columns, ...asked } } })),
    placeholderData: keepPreviousData,
  });
  const set = (more: Partial<Search>) => {
    const next = Object.fromEntries(Object.entries({ ...search, id, ...more }).filter(([, value]) => value));
    void go({ to: "/datasets" as never, search: next as never, replace: true });
  };
  const tasks = (kinds.data?.items ?? []).flatMap((one) =>
    Object.entries(one.tasks as Record<string, { title: string }>).map(([name, card]) => ({ id: `${one.name}/${name}`, name: card.title, said: `${one.name}, ${name}` })),
  );
  return (
    <Of query={preview} rows={6}>
      {(found) => (
        <>
          <Card
            title="Mapping"
            aside={
              <Pick
                label="Task"
                hidden
                value={kind && task ? `${kind}/${task}` : ""}
                choices={[{ id: "", name: "Any task that fits" }, ...tasks]}
                change={(said) => {
                  const [one, other] = said.split("/");
                  set({ kind: one || undefined, task: other || undefined, columns: undefined });
                }}
              />
            }
          >
            <Roles found={found} columns={columns} set={(text) => set({ columns: text })} />
          </Card>
          <Rows found={found} />
        </>
      )}
    </Of>
  );
}

function Roles({ found, columns, set }: { found: Preview; columns: string; set: (columns: string) => void }) {
  const { mapping } = found;
  const pairs = parsePairs(columns);
  const recipe = asRecipe(pairs);
  const fine = mapping.form !== "" && mapping.usable === found.rows.length;
  return (
    <div className="stack">
      <p className="verdict flat" data-ok={fine || undefined} role="status">
        {fine ? <Check size={18} aria-hidden /> : <TriangleAlert size={18} aria-hidden />}
        <span>
          {mapping.title ? `${mapping.title}: ` : "No form fits these columns: "}
          {mapping.usable} of the first {found.rows.length} rows can be used.
        </span>
      </p>
      {mapping.roles.length > 0 && (
        <div className="roles">
          {mapping.roles.map((role) => (
            <div key={role.role}>
              <Pick
                label={`${role.role}${role.needed ? "" : ", if there is one"}`}
                value={role.found ? role.column : ""}
                choices={[{ id: "", name: role.needed ? "no column yet" : "none" }, ...found.columns.map((name) => ({ id: name, name }))]}
                change={(column) => set(pairsText(give(pairs, role.role, column)))}
              />
              <p className="muted sm below">{role.what}</p>
            </div>
          ))}
        </div>
      )}
      {mapping.problems.length > 0 && (
        <ul className="criteria flat" aria-label="What is wrong">
          {mapping.problems.map((problem) => (
            <li key={problem} className="sm fault">
              {problem}
            </li>
          ))}
        </ul>
      )}
      {recipe && (
        <div>
          <p className="muted sm">In a recipe:</p>
          <pre className="well mono sm pad" tabIndex={0} aria-label="The mapping as a recipe says it">
            {recipe}
          </pre>
        </div>
      )}
    </div>
  );
}

function Rows({ found }: { found: Preview }) {
  const plays = new Map(found.mapping.roles.filter((role) => role.found).map((role) => [role.column, role.role]));
  return (
    <Card title="First rows" aside={<span className="sm muted">{found.rows.length} rows</span>}>
      <div className="scroll tall" tabIndex={0} role="region" aria-label="Rows and columns">
        <table className="plain left cards">
          <thead>
            <tr>
              <th scope="col">Line</th>
              {found.columns.map((column) => (
                <th key={column} scope="col" data-plays={plays.has(column) || undefined}>
                  {column}
                  {plays.has(column) && plays.get(column) !== column && <span className="role"> as {plays.get(column)}</span>}
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
                  <td key={column} data-name={column}>
                    {row.cells[column] || <span className="muted">empty</span>}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}
