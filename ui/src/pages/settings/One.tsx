// One setting: what it is for, its value, what is wrong with what was typed, saved and taken back.
import { useQueryClient } from "@tanstack/react-query";
import { RotateCcw, Save, Undo2 } from "lucide-react";
import { useState } from "react";
import { Button, FieldError, Input, Label, Text, TextArea, TextField } from "react-aria-components";
import { api, Refused, told } from "../../api/client";
import { isStale } from "../../api/faults";
import { useMay } from "../../api/session";
import { useDoing } from "../../parts/Act";
import { bytes, on } from "../../parts/say";
import { Stale } from "../../parts/Stale";
import { Trouble } from "../../parts/Wait";
import { asText, asValue, faultIn, titleOf, type Setting } from "./values";

const whole = (value: number | null | undefined) => (value ?? 0).toLocaleString("en");

export function One({ setting, was, saved }: { setting: Setting; was?: unknown; saved: (before: unknown) => void }) {
  const may = useMay();
  const client = useQueryClient();
  const doing = useDoing();
  const before = asText(setting, setting.value);
  const usual = asText(setting, setting.default);
  const [text, setText] = useState(before);
  const changed = text !== before;
  const fault = changed ? faultIn(setting, text) : undefined;
  const refused = doing.error instanceof Refused && !isStale(doing.error) && doing.error.problem.status === 422 ? doing.error.problem : null;
  const fresh = () => client.invalidateQueries({ queryKey: ["settings"] });
  const save = (value: string) =>
    doing.run(async () => {
      const headers = { "If-Match": `"${setting.version}"` };
      await told(api.PUT("/api/v1/settings/{name}", { params: { path: { name: setting.name } }, body: { value: asValue(setting, value) }, headers }));
      saved(setting.value);
      await fresh();
    });
  const bounds =
    setting.type === "integer"
      ? `${whole(setting.least)} to ${whole(setting.most)} ${setting.unit ?? ""}`
      : setting.type === "list"
        ? "one in a line"
        : setting.type === "block"
          ? "as JSON"
          : "";
  const short = setting.type === "integer" || setting.type === "text";
  return (
    <li>
      <TextField value={text} onChange={setText} isDisabled={!may("settings.write")} isInvalid={Boolean(fault ?? refused)} validationBehavior="aria">
        <Label className="setting-title">
          {titleOf(setting.name)}
          <span className="mono">{setting.name}</span>
        </Label>
        <Text slot="description" elementType="p" className="muted sm">
          {setting.help} {bounds && <span className="num">({bounds})</span>}
        </Text>
        {short ? (
          <Input className="field mono short" inputMode={setting.type === "integer" ? "numeric" : undefined} />
        ) : (
          <TextArea className="field mono" rows={Math.min(10, Math.max(2, text.split("\n").length))} />
        )}
        <FieldError className="fault below">{fault ?? (refused ? `${refused.detail} ${refused.remedy}` : "")}</FieldError>
      </TextField>
      {setting.unit === "bytes" && !fault && <p className="muted sm below">{bytes(Number(text))}</p>}
      {isStale(doing.error) ? <Stale load={() => void fresh()} /> : doing.error !== null && !refused && <Trouble error={doing.error} />}
      <div className="actions">
        {changed && (
          <>
            <Button className="btn primary" isPending={doing.busy} isDisabled={Boolean(fault)} onPress={() => void save(text)}>
              <Save size={15} aria-hidden />
              Save
            </Button>
            <Button
              className="btn"
              onPress={() => {
                setText(before);
                doing.clear();
              }}
            >
              Leave it
            </Button>
          </>
        )}
        {!changed && was !== undefined && (
          <>
            <span className="sm" role="status">
              Saved; it counts from now on.
            </span>
            <Button className="btn" isDisabled={doing.busy} onPress={() => void save(asText(setting, was))}>
              <Undo2 size={15} aria-hidden />
              Undo
            </Button>
          </>
        )}
        {!changed && before !== usual && may("settings.write") && (
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
