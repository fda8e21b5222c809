// A line of text with its name, what it is for, and the fault that the server found in it.
import type { InputHTMLAttributes } from "react";
import { FieldError, Input, Label, Text as Slot, TextField } from "react-aria-components";

type Given = {
  label: string;
  value: string;
  change: (value: string) => void;
  said?: string;
  fault?: string;
  mono?: boolean;
  needed?: boolean;
  focus?: boolean;
  disabled?: boolean;
  example?: string;
  mode?: InputHTMLAttributes<HTMLInputElement>["inputMode"];
  known?: string[];
};

export function Text({ label, value, change, said, fault, mono, needed, focus, disabled, example, mode, known }: Given) {
  const list = known ? `known-${label.replace(/\W+/g, "-")}` : undefined;
  return (
    <TextField value={value} onChange={change} isInvalid={Boolean(fault)} isRequired={needed} isDisabled={disabled} autoFocus={focus} validationBehavior="aria">
      <Label>{label}</Label>
      <Input className={`field ${mono ? "mono" : ""}`} placeholder={example} inputMode={mode} list={list} />
      {known && (
        <datalist id={list}>
          {known.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      )}
      {said && !fault && (
        <Slot slot="description" className="muted sm below">
          {said}
        </Slot>
      )}
      <FieldError className="fault below">{fault}</FieldError>
    </TextField>
  );
}
