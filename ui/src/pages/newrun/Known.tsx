// What is known before a run: counted, or taken from a run that was; what nobody knows yet is said to be unknown.
import { Link } from "@tanstack/react-router";
import { Gauge } from "lucide-react";
import type { Schemas } from "../../api/client";
import { Card } from "../../parts/Card";
import { duration, short } from "../../parts/say";

export function Known({ checked }: { checked: Schemas["RecipeChecked"] }) {
  const { rows, train_rows: train, steps, earlier } = checked.known;
  return (
    <Card title="Before it starts" icon={Gauge}>
      <dl className="facts">
        <dt>Rows</dt>
        <dd className="num">{rows === null ? <span className="muted">counted when the data is read</span> : `${count(rows)}, before any is dropped`}</dd>
        <dt>To train on</dt>
        <dd className="num">{train === null ? <span className="muted">known when the data is split</span> : `about ${count(train)}`}</dd>
        <dt>Steps</dt>
        <dd className="num">{steps === null ? <span className="muted">known when the batches are filled</span> : `at most ${count(steps)}`}</dd>
        <dt>Time</dt>
        <dd>
          {earlier ? (
            <>
              <Link to={"/runs/$run" as never} params={{ run: earlier.run } as never}>
                {earlier.same ? "The same recipe" : "An earlier run of this name"}
              </Link>{" "}
              took <span className="num">{duration(earlier.seconds)}</span>
            </>
          ) : (
            <span className="muted">no run of this name was published yet</span>
          )}
        </dd>
        <dt>Runs on</dt>
        <dd>This machine</dd>
        <dt>Digest</dt>
        <dd className="mono">{short(checked.digest)}</dd>
      </dl>
      {checked.notes.map((note) => (
        <p key={note} className="muted sm">
          {note}
        </p>
      ))}
    </Card>
  );
}

const count = (value: number): string => value.toLocaleString("en");
