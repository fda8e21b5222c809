// Every fault of the recipe: where it is, what it is, and a button that writes what was likely meant.
import { TriangleAlert, Wand2 } from "lucide-react";
import { Button } from "react-aria-components";
import type { Problem } from "./editing";

export function Faults({ problems, goTo }: { problems: Problem[]; goTo: (line: number) => void }) {
  if (!problems.length) return null;
  return (
    <ul className="faults" aria-label="Faults of the recipe">
      {problems.map((one, place) => (
        <li key={place}>
          <TriangleAlert size={16} color="var(--bad)" aria-hidden />
          <div className="grow">
            <p>{sentence(one.message)}</p>
            {one.key && <p className="mono sm muted">{one.key}</p>}
          </div>
          {one.line > 0 && (
            <Button className="btn" onPress={() => goTo(one.line)}>
              Line {one.line}
            </Button>
          )}
          {one.fix && (
            <Button className="btn primary" onPress={one.fix.apply}>
              <Wand2 size={15} aria-hidden />
              {one.fix.name}
            </Button>
          )}
        </li>
      ))}
    </ul>
  );
}

const sentence = (said: string): string => said.charAt(0).toUpperCase() + said.slice(1);
