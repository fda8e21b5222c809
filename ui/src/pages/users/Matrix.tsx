// The policy as the server decides by it: every operation, and how far each role reaches.
import type { Schemas } from "../../api/client";
import { Card } from "../../parts/Card";
import { Pick } from "../../parts/Pick";

const ALL = "all";
/** What is shown before somebody chooses: all of it is some six hundred cells. */
export const FIRST = "runs";
const FAR: Record<string, string> = { none: "–", own: "own", shared: "own and shared", any: "everybody's" };

export function Matrix({ policy, noun, choose }: { policy: Schemas["PolicyOut"]; noun: string; choose: (noun: string) => void }) {
  const nouns = [...new Set(policy.operations.map((row) => nounOf(row.name)))];
  const shown = policy.operations.filter((row) => noun === ALL || nounOf(row.name) === noun);
  return (
    <Card
      title="What each role may do"
      aside={<Pick label="What about" hidden value={noun} choices={[{ id: ALL, name: "Everything" }, ...nouns.map((id) => ({ id, name: id }))]} change={choose} />}
    >
      <div className="scroll tall" tabIndex={0} role="region" aria-label="Roles and operations">
        <table className="plain matrix">
          <thead>
            <tr>
              <th scope="col">Operation</th>
              {policy.roles.map((one) => (
                <th key={one.name} scope="col">
                  {one.name}
                </th>
              ))}
            </tr>
          </thead>
          {nouns.map((one) => {
            const rows = shown.filter((row) => nounOf(row.name) === one);
            return rows.length ? (
              <tbody key={one}>
                <tr>
                  <th scope="rowgroup" className="cap" colSpan={1 + policy.roles.length}>
                    {one}
                  </th>
                </tr>
                {rows.map((row) => (
                  <tr key={row.name}>
                    <th scope="row" className="mono sm">
                      {row.name}
                    </th>
                    {policy.roles.map((role) => {
                      const far = row.reach[role.name] ?? "none";
                      return (
                        <td key={role.name} data-far={far} className="sm">
                          {far === "none" ? <span aria-label="not at all">–</span> : row.on_object ? FAR[far] : "yes"}
                        </td>
                      );
                    })}
                  </tr>
                ))}
              </tbody>
            ) : null;
          })}
        </table>
      </div>
    </Card>
  );
}

export const nounOf = (operation: string): string => operation.split(".")[0]!;
