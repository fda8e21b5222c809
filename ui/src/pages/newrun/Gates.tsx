// By what the run will be judged: the card's criteria, which a recipe may tighten, and the recipe's own.
import { ShieldCheck } from "lucide-react";
import { Input, Label, TextField } from "react-aria-components";
import type { Schemas } from "../../api/client";
import { Fold } from "../../parts/Card";
import type { Editing } from "./editing";
import { ownPath, tighten } from "./gates";
import { nameOf } from "./fields";

type Gate = Schemas["GateOut"];
const ORDER = ["data", "baseline", "train", "evaluate", "export", "simulate", "publish"];
const SAYS: Record<string, string> = { ">=": "at least", "<=": "at most", "==": "exactly", "gain >=": "gain over the baseline of at least" };

export function Gates({ gates, edit }: { gates: Gate[]; edit: Editing }) {
  if (!gates.length) return null;
  const asked = new Set(gates.map((one) => one.stage));
  const stages = [...new Set([...ORDER, ...asked])].filter((stage) => asked.has(stage));
  const fault = edit.problems.find((one) => one.key.startsWith("gates"))?.message;
  return (
    <Fold title="Gates" icon={ShieldCheck}>
      <p className="muted sm flat">What misses one is not published. A recipe may ask more than the default, never less.</p>
      {fault && <p className="fault">{fault}</p>}
      {stages.map((stage) => (
        <div key={stage} role="group" aria-label={`Gate of ${stage}`}>
          <h3 className="spaced">{nameOf(stage)}</h3>
          <ul className="gatelist">
            {gates
              .filter((one) => one.stage === stage)
              .sort((a, b) => a.metric.localeCompare(b.metric) || a.op.localeCompare(b.op))
              .map((one, place, all) => (
                <Row key={`${one.metric} ${one.op} ${all.slice(0, place).filter((other) => other.metric === one.metric && other.op === one.op).length}`} gate={one} edit={edit} />
              ))}
          </ul>
        </div>
      ))}
    </Fold>
  );
}

function Row({ gate, edit }: { gate: Gate; edit: Editing }) {
  const name = gate.metric.replaceAll("_", " ");
  const says = SAYS[gate.op] ?? gate.op;
  const own = ownPath(edit.data, gate.stage, gate.metric, gate.op);
  return (
    <li>
      <span>
        {name} <span className="muted sm">{says}</span>
      </span>
      {gate.op === "==" ? (
        <b className="num">{gate.threshold}</b>
      ) : (
        <TextField
          className="thin"
          value={own ? (edit.written(own) ?? "") : ""}
          isDisabled={edit.broken}
          onChange={(typed) => {
            if (typed === "" || Number.isFinite(Number(typed))) edit.set(tighten(edit.text, gate.stage, gate.metric, gate.op, typed || null));
          }}
        >
          <Label className="sr">
            {name}, {says}
          </Label>
          <Input className="field" inputMode="decimal" placeholder={gate.own ? undefined : String(gate.threshold)} />
        </TextField>
      )}
    </li>
  );
}
