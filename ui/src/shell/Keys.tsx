// ?: every key, and the switch for those without a modifier.
import { Switch } from "react-aria-components";
import { useMay } from "../api/session";
import { PAGES } from "../pages";
import { Sheet } from "../parts/Act";
import { COMMAND, setKeysOn, useKeysOn } from "./keys";

const EVERYWHERE: [string, string][] = [
  [COMMAND, "Search or jump to"],
  ["/", "Filter the list"],
  ["?", "This list"],
];
const TABLES: [string, string][] = [
  ["j k", "Next row, row before"],
  ["Enter", "Open the row"],
  ["x", "Select it"],
  ["c", "Compare the selected"],
  ["+ −", "Move it in the queue"],
];

export default function Keys({ close }: { close: () => void }) {
  const may = useMay();
  const on = useKeysOn();
  const pages: [string, string][] = PAGES.filter((page) => page.key && may(page.may)).map((page) => [`g ${page.key}`, page.name]);
  return (
    <Sheet open close={close} title="Keys">
      <Switch className="switch" isSelected={on} onChange={setKeysOn}>
        <span className="knob" aria-hidden />
        Keys without Ctrl or ⌘
      </Switch>
      <div className="keycols">
        <Part name="Everywhere" keys={EVERYWHERE} on={on} />
        <Part name="In tables" keys={TABLES} on={on} />
        <Part name="Go to" keys={pages} on={on} />
      </div>
      <div className="actions">
        <button type="button" className="btn" onClick={close}>
          Close
        </button>
      </div>
    </Sheet>
  );
}

function Part({ name, keys, on }: { name: string; keys: [string, string][]; on: boolean }) {
  return (
    <section>
      <h3>{name}</h3>
      <dl className="keys">
        {keys.map(([key, does]) => (
          <div key={key} className={on || key === COMMAND || key === "Enter" ? "" : "muted"}>
            <dt>
              {key.split(" ").map((one) => (
                <kbd key={one}>{one}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
