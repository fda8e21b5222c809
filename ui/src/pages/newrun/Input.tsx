// One key of a recipe as a control: empty means that the default stands.
import { useId } from "react";
import { ChevronDown } from "lucide-react";
import { Button, FieldError, Input, Label, ListBox, ListBoxItem, Popover, Select, SelectValue, Text, TextField } from "react-aria-components";
import { bounded, type Field } from "./fields";
import { at, type Plain } from "./yaml";
import type { Editing } from "./editing";

type Given = { field: Field; edit: Editing; label?: string; help?: string };

export function FieldInput({ field, edit, label = field.name, help = field.help }: Given) {
  const fault = edit.faultOf(field.key);
  if (field.sort === "yaml") return null;
  if (field.sort === "choice" || field.sort === "switch") return <Choice field={field} edit={edit} label={label} help={help} fault={fault} />;
  const value = at(edit.data, field.path);
  const shown = field.sort === "list" ? listed(value) : (edit.written(field.path) ?? "");
  const wrong = bounded(field, shown) || fault;
  const write = (typed: string) => {
    if (typed === "") edit.drop(field.path);
    else if (field.sort === "list") edit.put(field.path, typed.split(",").map((one) => one.trim()).filter((one, place, all) => one || place === all.length - 1));
    else if (field.sort === "number" && /^[-+.\w]+$/.test(typed)) edit.put(field.path, typed, typed);
    else edit.put(field.path, typed);
  };
  return (
    <TextField className="fieldrow" value={shown} onChange={write} isInvalid={Boolean(wrong)} isDisabled={edit.broken}>
      <Label>{label}</Label>
      <Input className="field" placeholder={field.placeholder || undefined} inputMode={field.sort === "number" ? "decimal" : undefined} />
      {wrong ? <FieldError className="fault">{wrong}</FieldError> : help && <Text slot="description" className="muted sm help">{help}</Text>}
    </TextField>
  );
}

function Choice({ field, edit, label, help, fault }: Required<Given> & { fault: string }) {
  const id = useId();
  const value = at(edit.data, field.path);
  const chosen = value === undefined || value === null ? "" : String(value);
  const usual = field.placeholder ? `${field.placeholder} (as usual)` : "As usual";
  const options = [{ id: "", name: usual }, ...field.choices.map((one) => ({ id: one, name: one }))];
  if (chosen && !field.choices.includes(chosen)) options.push({ id: chosen, name: chosen });
  const write = (key: string) => {
    if (!key) edit.drop(field.path);
    else edit.put(field.path, field.sort === "switch" ? key === "true" : key);
  };
  return (
    <Select className="fieldrow" selectedKey={chosen} onSelectionChange={(key) => write(String(key))} isDisabled={edit.broken} isInvalid={Boolean(fault)}>
      <Label>{label}</Label>
      <Button className="btn selbtn" aria-describedby={help || fault ? id : undefined}>
        <SelectValue />
        <ChevronDown size={16} aria-hidden />
      </Button>
      {(fault || help) && (
        <span id={id} className={fault ? "fault" : "muted sm help"}>
          {fault || help}
        </span>
      )}
      <Popover className="pop">
        <ListBox items={options}>
          {(one) => (
            <ListBoxItem id={one.id} className="opt" textValue={one.name}>
              {one.name}
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </Select>
  );
}

const listed = (value: Plain | undefined): string => (Array.isArray(value) ? value.map(String).join(", ") : value === undefined || value === null ? "" : String(value));
