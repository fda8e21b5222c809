// What stands where data will be: waiting, nothing there, or what went wrong and what to do.
import type { UseQueryResult } from "@tanstack/react-query";
import { CloudOff, TriangleAlert, type LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { Button } from "react-aria-components";
import { Away, Refused } from "../api/client";

export function Waiting({ rows = 3 }: { rows?: number }) {
  return (
    <div className="waiting" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, row) => (
        <span key={row} className="bone" />
      ))}
    </div>
  );
}

export function Empty({ icon: Icon, title, children }: { icon: LucideIcon; title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <Icon size={28} aria-hidden />
      <h3>{title}</h3>
      {children}
    </div>
  );
}

export function Trouble({ error, again }: { error: unknown; again?: () => void }) {
  const away = error instanceof Away;
  const problem = error instanceof Refused ? error.problem : null;
  const Icon = away ? CloudOff : TriangleAlert;
  return (
    <div className="trouble" role="alert">
      <Icon size={18} aria-hidden />
      <div>
        <p>{problem?.detail ?? (away ? "The server can't be reached." : String(error))}</p>
        {problem?.remedy && <p className="muted sm">{problem.remedy}</p>}
        {problem?.problems.map((one, place) => (
          <p key={place} className="mono sm">
            {[one.file, one.line, one.column].filter((part) => part !== undefined && part !== null).join(":")} {one.what}
          </p>
        ))}
      </div>
      {again && (
        <Button className="btn" onPress={again}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** Show a query's data, or what stands in its place. */
export function Of<T>({ query, rows, children }: { query: UseQueryResult<T>; rows?: number; children: (data: T) => ReactNode }) {
  if (query.data !== undefined) return children(query.data);
  if (query.error) return <Trouble error={query.error} again={() => void query.refetch()} />;
  return <Waiting rows={rows} />;
}
