// What is wrong with a file, by its rows, and other ways of reading it.
import { RotateCcw } from "lucide-react";
import { useState } from "react";
import { Button, Switch } from "react-aria-components";
import type { Refused } from "../../api/client";
import type { Reading } from "../../api/upload";
import { Pick } from "../../parts/Pick";
import { Text } from "../../parts/Text";
import type { Going } from "./uploads";

const FORMATS = [
  ["auto", "Found by looking"],
  ["csv", "CSV"],
  ["tsv", "TSV"],
  ["jsonl", "JSON Lines"],
  ["json", "JSON"],
  ["parquet", "Parquet"],
  ["tfrecord", "TFRecord"],
  ["conll", "CoNLL"],
  ["text", "Text"],
] as const;

export function Unread({ one, again }: { one: Going; again: (reading: Reading) => void }) {
  const { problem } = one.error as Refused;
  const [reading, setReading] = useState(one.reading);
  const set = (more: Partial<Reading>) => setReading((before) => ({ ...before, ...more }));
  const rows = problem.problems.filter((found) => found.line !== undefined && found.line !== null);
  return (
    <div className="stack">
      <div role="alert">
        {rows.length ? (
          <ul className="criteria flat">
            {rows.map((found) => (
              <li key={`${found.line} ${found.what}`}>
                <span className="mono sm bad">
                  row {found.line}
                  {found.column ? `, column ${found.column}` : ""}
                </span>
                <span className="sm">{bare(found.what)}</span>
              </li>
            ))}
          </ul>
        ) : (
          <p className="fault">{problem.detail}</p>
        )}
        {problem.remedy && <p className="muted sm">{problem.remedy}</p>}
      </div>
      <div className="line">
        <Pick label="Format" value={reading.format} choices={FORMATS.map(([id, name]) => ({ id, name }))} change={(format) => set({ format })} />
        <Text label="Between cells" value={reading.delimiter} change={(delimiter) => set({ delimiter: delimiter.slice(-1) })} example="," mono />
        <Switch className="switch" isSelected={reading.quoting} onChange={(quoting) => set({ quoting })}>
          <span className="knob" aria-hidden />
          Quotes hold cells together
        </Switch>
        <Button className="btn" onPress={() => again(reading)}>
          <RotateCcw size={16} aria-hidden />
          Read it again
        </Button>
      </div>
    </div>
  );
}

/** A fault without the place that stands before it: that is said beside it already. */
export const bare = (what: string): string => what.replace(/^[^\s:]*:\d+(?:, column \d+)?: /, "");
