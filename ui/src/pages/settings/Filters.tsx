// The content filters: where they look, what for, and a text to try them on, which is stored nowhere.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Filter, FlaskConical, Save } from "lucide-react";
import { useState } from "react";
import { Button, Checkbox, CheckboxGroup, Label, TextArea, TextField } from "react-aria-components";
import { api, told, type Schemas } from "../../api/client";
import { isStale } from "../../api/faults";
import { useMay } from "../../api/session";
import { useDoing } from "../../parts/Act";
import { Card } from "../../parts/Card";
import { Meter } from "../../parts/Meter";
import { Pill } from "../../parts/Pill";
import { number } from "../../parts/say";
import { Stale } from "../../parts/Stale";
import { Of, Trouble } from "../../parts/Wait";

type Now = Schemas["FiltersOut"];
type Side = Now["on"][number];
const SIDES: [Side, string][] = [
  ["requests", "What models are asked"],
  ["responses", "What models answer"],
  ["datasets", "Datasets"],
];

export function Filters() {
  const may = useMay();
  const filters = useQuery({ queryKey: ["filters"], queryFn: () => told(api.GET("/api/v1/filters")) });
  return (
    <Of query={filters} rows={5}>
      {(now) => (
        <Card title="Content filters" icon={Filter} aside={<span className="muted sm">Classifier: {now.state}</span>}>
          <div className="stack">
            <Where key={now.version} now={now} />
            <ul className="criteria flat" aria-label="What is looked for">
              {now.rules.map((rule) => (
                <li key={rule.id}>
                  <Pill tone={rule.action === "block" ? "bad" : "warn"}>{rule.action === "block" ? "blocks" : "flags"}</Pill>
                  <span className="grow">
                    <b>{rule.id}</b>
                    <br />
                    <span className="mono sm muted wraps">{rule.pattern}</span>
                  </span>
                </li>
              ))}
            </ul>
            {may("filters.test") && <TryIt />}
          </div>
        </Card>
      )}
    </Of>
  );
}

function Where({ now }: { now: Now }) {
  const may = useMay();
  const client = useQueryClient();
  const doing = useDoing();
  const [on, setOn] = useState<Side[]>(now.on);
  const changed = SIDES.some(([side]) => on.includes(side) !== now.on.includes(side));
  const fresh = () => client.invalidateQueries({ queryKey: ["filters"] });
  const save = () =>
    doing.run(async () => {
      const { rules, classifier, version } = now;
      await told(api.PUT("/api/v1/filters", { body: { rules, classifier, on, version } }));
      await fresh();
    });
  return (
    <div className="stack">
      <CheckboxGroup className="radios" value={on} onChange={(said) => setOn(said as Side[])} isDisabled={!may("filters.write")}>
        <Label>They look at</Label>
        {SIDES.map(([side, name]) => (
          <Checkbox key={side} value={side} className="check">
            <span className="box" aria-hidden />
            {name}
          </Checkbox>
        ))}
      </CheckboxGroup>
      {isStale(doing.error) ? <Stale load={() => void fresh()} /> : doing.error !== null && <Trouble error={doing.error} />}
      {changed && (
        <div className="actions">
          <Button className="btn primary" isPending={doing.busy} onPress={() => void save()}>
            <Save size={15} aria-hidden />
            Save where they look
          </Button>
          <Button className="btn" onPress={() => setOn(now.on)}>
            Leave it
          </Button>
        </div>
      )}
    </div>
  );
}

function TryIt() {
  const [text, setText] = useState("");
  const [found, setFound] = useState<Schemas["TriedOut"] | null>(null);
  const doing = useDoing();
  const test = () => doing.run(async () => setFound(await told(api.POST("/api/v1/filters/test", { body: { text } }))));
  const scores = Object.entries(found?.classifier.scores ?? {}).sort((a, b) => b[1] - a[1]);
  return (
    <div className="stack">
      <TextField
        value={text}
        onChange={(said) => {
          setText(said);
          setFound(null);
        }}
      >
        <Label>Try a text; it is stored nowhere</Label>
        <TextArea className="field" rows={3} />
      </TextField>
      <div className="actions">
        <Button className="btn" isPending={doing.busy} isDisabled={!text} onPress={() => void test()}>
          <FlaskConical size={16} aria-hidden />
          Try the filters
        </Button>
      </div>
      {doing.error !== null && <Trouble error={doing.error} />}
      {found && (
        <div role="status" className="well pad">
          <p>
            <Pill tone={found.decision.action === "allow" ? "ok" : found.decision.action === "block" ? "bad" : "warn"}>
              {found.decision.action === "allow" ? "let through" : found.decision.action === "block" ? "blocked" : "flagged"}
            </Pill>{" "}
            {found.decision.rule && <span className="mono sm">by {found.decision.rule}</span>}
          </p>
          <dl className="facts">
            <dt>Rules that fit</dt>
            <dd>{found.patterns.map((one) => one.id).join(", ") || "none"}</dd>
            <dt>Length</dt>
            <dd className="num">
              {found.limits.characters.toLocaleString("en")} of {found.limits.most.toLocaleString("en")} characters
            </dd>
            {found.normalise && (
              <>
                <dt>Read in</dt>
                <dd>
                  {found.normalise.readings} ways{found.normalise.inside > 0 && `, ${found.normalise.inside} texts wrapped in it`}
                </dd>
              </>
            )}
            <dt>Classifier</dt>
            <dd>{found.classifier.state}</dd>
          </dl>
          {scores.length > 0 && (
            <ul className="bars">
              {scores.map(([label, score]) => (
                <li key={label}>
                  <span className="clip">{label}</span>
                  <Meter label={label} done={score} total={1} />
                  <span className="num">{number(score)}</span>
                </li>
              ))}
            </ul>
          )}
        </div>
      )}
    </div>
  );
}
