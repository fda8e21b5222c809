// What an Admin changes while the server runs, the filters with a box to try them, and what this browser keeps for itself.
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { SlidersHorizontal } from "lucide-react";
import { useState } from "react";
import { Input, Label, Radio, RadioGroup, SearchField, Switch } from "react-aria-components";
import { api, told } from "../api/client";
import { useMay } from "../api/session";
import { Card } from "../parts/Card";
import { Of } from "../parts/Wait";
import { setKeysOn, useKeysOn } from "../shell/keys";
import { setTheme, useTheme, type Theme } from "../shell/theme";
import { Filters } from "./settings/Filters";
import { Home } from "./settings/Home";
import { One } from "./settings/One";
import { sections, type Setting } from "./settings/values";
import "./pages.css";

export default function Settings() {
  const may = useMay();
  const go = useNavigate();
  const { find = "" } = useSearch({ strict: false }) as { find?: string };
  const list = useQuery({ queryKey: ["settings"], queryFn: () => told(api.GET("/api/v1/settings")), enabled: may("settings.read") });
  // What each was before it was saved here: a save makes its row anew, and the way back must outlive that.
  const [was, setWas] = useState<Record<string, unknown>>({});
  const wanted = (one: Setting) => `${one.name} ${one.help}`.toLowerCase().includes(find.toLowerCase());
  return (
    <>
      <div className="runhead">
        <h1>Settings</h1>
      </div>
      <div className="sections">
        <Own />
        {may("home.status") && <Home />}
        {may("settings.read") && (
          <>
            <SearchField aria-label="Find a setting" value={find} onChange={(said) => void go({ to: "/settings" as never, search: (said ? { find: said } : {}) as never, replace: true })}>
              <Input className="field" placeholder="Find a setting" />
            </SearchField>
            <Of query={list} rows={8}>
              {(found) => {
                const shown = sections(found.items.filter(wanted));
                return shown.length ? (
                  <>
                    {shown.map(({ title, settings }) => (
                      <Card key={title} title={title} icon={SlidersHorizontal}>
                        <ul className="settings">
                          {settings.map((one) => (
                            <One key={`${one.name} ${one.version}`} setting={one} was={was[one.name]} saved={(before) => setWas((all) => ({ ...all, [one.name]: before }))} />
                          ))}
                        </ul>
                      </Card>
                    ))}
                  </>
                ) : (
                  <p className="muted">No setting is called so.</p>
                );
              }}
            </Of>
          </>
        )}
        {may("filters.read") && <Filters />}
      </div>
    </>
  );
}

function Own() {
  const theme = useTheme();
  const keys = useKeysOn();
  return (
    <Card title="This browser">
      <div className="stack">
        <RadioGroup className="radios" value={theme} onChange={(value) => setTheme(value as Theme)} orientation="horizontal">
          <Label>Theme</Label>
          {(["system", "dark", "light"] as const).map((one) => (
            <Radio key={one} value={one} className="radio">
              {one === "system" ? "As the system" : one === "dark" ? "Dark" : "Light"}
            </Radio>
          ))}
        </RadioGroup>
        <Switch className="switch" isSelected={keys} onChange={setKeysOn}>
          <span className="knob" aria-hidden />
          Keys without ⌘, as g r for the runs
        </Switch>
        <p className="muted sm">Both are kept in this browser at once.</p>
      </div>
    </Card>
  );
}
