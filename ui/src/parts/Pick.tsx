// One of a few, from a list that opens.
import { ChevronDown } from "lucide-react";
import { Button, FieldError, Label, ListBox, ListBoxItem, Popover, Select, SelectValue } from "react-aria-components";

export type Choice = { id: string; name: string; said?: string };
type Given = { label: string; hidden?: boolean; value: string; choices: Choice[]; change: (id: string) => void; fault?: string; disabled?: boolean };

export function Pick({ label, hidden, value, choices, change, fault, disabled }: Given) {
  return (
    <Select
      className="pick"
      aria-label={hidden ? label : undefined}
      selectedKey={value}
      onSelectionChange={(key) => key !== null && key !== value && change(String(key))}
      isInvalid={Boolean(fault)}
      isDisabled={disabled}
    >
      {!hidden && <Label>{label}</Label>}
      <Button className="btn selbtn">
        <SelectValue />
        <ChevronDown size={16} aria-hidden />
      </Button>
      <FieldError className="fault">{fault}</FieldError>
      <Popover className="pop">
        <ListBox className="found">
          {choices.map((one) => (
            <ListBoxItem key={one.id} id={one.id} className="opt" textValue={one.name}>
              <span className="two">
                <span>{one.name}</span>
                {one.said && <span className="muted sm">{one.said}</span>}
              </span>
            </ListBoxItem>
          ))}
        </ListBox>
      </Popover>
    </Select>
  );
}
