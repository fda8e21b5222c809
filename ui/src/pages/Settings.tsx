// What an Admin changes while the server runs, the filters with a box to try them, and what this browser keeps for itself.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Filter, RotateCcw, Save, SlidersHorizontal } from "lucide-react";
import { useState } from "react";
import { Button, Label, Radio, RadioGroup, Switch, TextArea, TextField } from "react-aria-components";
import { api, told, type Schemas } from "../api/client";
import { useMay } from "../api/session";
import { useDoing } from "../parts/Act";
import { Card } from "../parts/Card";
import { Pill } from "../parts/Pill";
import { number, on } from "../parts/say";
import { Of, Trouble } from "../parts/Wait";
import { keysOn } from "../shell/keys";
import { setTheme, useTheme, type Theme } from "../shell/theme";

type Setting = Schemas["SettingOut"];

export default function Settings() {
  const may = useMay();
  const list = useQuery({ queryKey: ["settings"], queryFn: () => told(api.GET("/api/v1/settings")), enabled: may("settings.read") });
  return (
    <>
      <div className="runhead">
        <h1>Settings</h1>
      </div>
      <div className="stack">
        <Own />
        {may("settings.read") && (
          <Of query={list} rows={8}>
            {(found) => (
              <Card title="This server" icon={SlidersHorizontal}>
                <ul className="settings">
                  {found.items.map((one) => (
                    <One key={`${one.name} ${one.version}`} setting={one} />
                  ))}
                </ul>
              </Card>
            )}
          </Of>
        )}
        {may("filters.read") && <Filters />}
      </div>
    </>
  );
}

function Own() {
  const theme = useTheme();
  const [keys, setKeys] = useState(keysOn);
  return (
    <Card title="This browser">
      <RadioGroup className="radios" value={theme} onChange={(value) => setTheme(value as Theme)} orientation="horizontal">
        <Label>Theme</Label>
        {(["system", "dark", "light"] as const).map((one) => (
          <Radio key={one} value={one} className="radio">
            {one === "system" ? "As the system" : one === "dark" ? "Dark" : "Light"}
          </Radio>
        ))}
      </RadioGroup>
      <Switch
        className="switch"
        isSelected={keys}
        onChange={(is) => {
          localStorage.setItem("keys", is ? "on" : "off");
          setKeys(is);
        }}
      >
        <span className="knob" aria-hidden />
        Keys without ⌘, as g r for the runs
      </Switch>
    </Card>
  );
}

const asText = (setting: Setting, value: unknown): string =>
  setting.type === "list" ? (value as string[]).join("\n") : setting.type === "block" ? JSON.stringify(value, null, 2) : String(value);

/** Read what was typed as the setting's type; throws with words for what can't be read. */
export function asValue(setting: Pick<Setting, "type">, text: string): unknown {
  if (setting.type === "integer") {
    if (!/^-?\d+$/.test(text.trim())) throw new Error("A whole number, as 1024.");
    return Number(text);
  }
  if (setting.type === "list") return text.split("\n").map((line) => line.trim()).filter(Boolean);
  if (setting.type === "block") {
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new Error(`JSON is expected: ${(error as Error).message}`);
    }
  }
  return text;
}

function One({ setting }: { setting: Setting }) {
  const may = useMay();
  const client = useQueryClient();
  const doing = useDoing();
  const before = asText(setting, setting.value);
  const [text, setText] = useState(before);
  const save = (value: string) =>
    doing.run(async () => {
      const headers = { "If-Match": `"${setting.version}"` };
      await told(api.PUT("/api/v1/settings/{name}", { params: { path: { name: setting.name } }, body: { value: asValue(setting, value) }, headers }));
      await client.invalidateQueries({ queryKey: ["settings"] });
    });
  const bounds = setting.type === "integer" ? `${number(setting.least)} to ${number(setting.most)} ${setting.unit ?? ""}` : setting.type === "list" ? "one in a line" : "";
  const usual = asText(setting, setting.default);
  return (
    <li>
      <TextField value={text} onChange={setText} isDisabled={!may("settings.write")}>
        <Label className="mono">{setting.name}</Label>
        <p className="muted sm">
          {setting.help} {bounds && <span className="num">({bounds})</span>}
        </p>
        <TextArea className="field mono" rows={Math.min(8, text.split("\n").length)} />
      </TextField>
      {doing.error !== null && <Trouble error={doing.error} />}
      <div className="actions">
        {text !== before && (
          <Button className="btn primary" isPending={doing.busy} onPress={() => void save(text)}>
            <Save size={15} aria-hidden />
            Save
          </Button>
        )}
        {before !== usual && may("settings.write") && (
          <Button className="btn" isDisabled={doing.busy} onPress={() => void save(usual)}>
            <RotateCcw size={15} aria-hidden />
            As it came
          </Button>
        )}
        {setting.changed && <span className="muted sm">changed {on(setting.changed)}</span>}
      </div>
    </li>
  );
}

function Filters() {
  const may = useMay();
  const [text, setText] = useState("");
  const [found, setFound] = useState<Schemas["TriedOut"] | null>(null);
  const doing = useDoing();
  const filters = useQuery({ queryKey: ["filters"], queryFn: () => told(api.GET("/api/v1/filters")) });
  const test = () => doing.run(async () => setFound(await told(api.POST("/api/v1/filters/test", { body: { text } }))));
  return (
    <Of query={filters}>
      {(now) => (
        <Card title="Content filters" icon={Filter} aside={<span className="muted sm">{now.state}</span>}>
          <p className="muted sm">On for: {now.on.join(", ") || "nothing"}</p>
          <ul className="criteria">
            {now.rules.map((rule) => (
              <li key={rule.id}>
                <Pill tone={rule.action === "block" ? "bad" : "warn"}>{rule.action}</Pill>
                <b>{rule.id}</b>
                <span className="mono sm wrap muted">{rule.pattern}</span>
              </li>
            ))}
          </ul>
          {may("filters.test") && (
            <div className="stack">
              <TextField value={text} onChange={setText}>
                <Label>Try a text; it is stored nowhere</Label>
                <TextArea className="field" rows={2} />
              </TextField>
              <div className="actions">
                <Button className="btn" isPending={doing.busy} isDisabled={!text} onPress={() => void test()}>
                  Try it
                </Button>
                {found && (
                  <span role="status">
                    <Pill tone={found.decision.action === "allow" ? "ok" : found.decision.action === "block" ? "bad" : "warn"}>
                      {found.decision.action}
                      {found.decision.rule && `: ${found.decision.rule}`}
                    </Pill>
                  </span>
                )}
              </div>
              {doing.error !== null && <Trouble error={doing.error} />}
            </div>
          )}
        </Card>
      )}
    </Of>
  );
}
