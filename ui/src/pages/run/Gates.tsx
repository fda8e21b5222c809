import { Check, CircleDashed, Eye, LoaderCircle, X, type LucideIcon } from "lucide-react";
import { Card } from "../../parts/Card";
import type { Gate, Standing } from "./gates";

const ICONS: Record<Standing, LucideIcon> = { ok: Check, run: LoaderCircle, warn: Eye, bad: X, idle: CircleDashed };

/** The gates from left to right; on a narrow screen from top to bottom. */
export function Gates({ gates, said }: { gates: Gate[]; said: string }) {
  return (
    <Card title="Gates" aside={<span className="sm muted">{said}</span>}>
      <ol className="gates" style={{ ["--gates" as never]: gates.length }}>
        {gates.map((gate, place) => {
          const Icon = ICONS[gate.standing];
          return (
            <li key={gate.stage} className={gate.standing}>
              {place < gates.length - 1 && <span className="bar" aria-hidden />}
              <span className="node" aria-hidden>
                <Icon size={18} />
              </span>
              <div>
                <h3>{gate.name}</h3>
                <div className="sm muted">{gate.said}</div>
                <ul>
                  {gate.criteria.map((one) => (
                    <li key={one.metric}>
                      <span>{one.metric}</span>
                      <span className="measured">
                        <b className="num exact" tabIndex={0} title={one.exact} data-exact={one.exact}>
                          {one.text}
                        </b>
                        {one.passed ? <Check size={13} color="var(--ok)" role="img" aria-label="passed" /> : <X size={13} color="var(--bad)" role="img" aria-label="missed" />}
                      </span>
                    </li>
                  ))}
                </ul>
              </div>
            </li>
          );
        })}
      </ol>
    </Card>
  );
}
