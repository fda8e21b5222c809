// What a file's rows are worth: counts, empty cells, the labels that columns hold, and the rows to look at.
import type { Schemas } from "../../api/client";
import { Meter } from "../../parts/Meter";
import { number } from "../../parts/say";

const MOST_LABELS = 8;

export function Quality({ quality }: { quality: Schemas["QualityOut"] }) {
  const missing = Object.entries(quality.missing).filter(([, count]) => count > 0);
  const labels = Object.entries(quality.labels).filter(([, counts]) => Object.keys(counts).length > 1);
  const many = (value: number) => value.toLocaleString("en");
  return (
    <>
      <dl className="kpis">
        {(
          [
            ["Rows", many(quality.rows)],
            ["Duplicates", many(quality.duplicates)],
            ["Blank rows", many(quality.blank)],
            ["Empty cells", many(missing.reduce((sum, [, count]) => sum + count, 0))],
          ] as const
        ).map(([name, value]) => (
          <div key={name} className="kpi well">
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <div className="scroll" tabIndex={0} role="region" aria-label="Columns">
        <table className="plain">
          <thead>
            <tr>
              <th scope="col">Column</th>
              <th scope="col">Empty</th>
              <th scope="col">Shortest</th>
              <th scope="col">Mean</th>
              <th scope="col">Longest</th>
            </tr>
          </thead>
          <tbody>
            {quality.columns.map((column) => {
              const lengths = quality.lengths[column];
              return (
                <tr key={column}>
                  <th scope="row" className="mono sm">
                    {column}
                  </th>
                  <td>{many(quality.missing[column] ?? 0)}</td>
                  <td>{lengths ? many(lengths.least) : "–"}</td>
                  <td>{lengths ? number(Math.round(lengths.mean)) : "–"}</td>
                  <td>{lengths ? many(lengths.most) : "–"}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      <p className="muted sm">Lengths are in characters of the cells that hold something.</p>
      {labels.map(([column, counts]) => {
        const sorted = Object.entries(counts).sort((a, b) => b[1] - a[1]);
        return (
          <section key={column} aria-label={`Values of ${column}`}>
            <h3 className="spaced">
              Values of <span className="mono">{column}</span>
            </h3>
            <ul className="bars">
              {sorted.slice(0, MOST_LABELS).map(([label, count]) => (
                <li key={label}>
                  <span className="clip">{label || "(empty)"}</span>
                  <Meter label={`${label || "empty"}: ${count} rows`} done={count} total={Math.max(1, quality.rows)} />
                  <span className="num">{many(count)}</span>
                </li>
              ))}
            </ul>
            {sorted.length > MOST_LABELS && <p className="muted sm">and {sorted.length - MOST_LABELS} more values</p>}
          </section>
        );
      })}
      {quality.flagged.length > 0 && (
        <section aria-label="Rows to look at">
          <h3 className="spaced">Rows to look at</h3>
          <ul className="criteria flat tall" tabIndex={0} aria-label="Rows to look at">
            {quality.flagged.map((flag) => (
              <li key={`${flag.line} ${flag.column} ${flag.what}`}>
                <span className="mono sm bad">row {flag.line}</span>
                <span className="sm">
                  {flag.column} {flag.what}
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}
