import { useState } from "react";
import { Button } from "react-aria-components";
import { api, told } from "../../api/client";
import { faultsOf } from "../../api/faults";
import { Sheet, useDoing } from "../../parts/Act";
import { Pick } from "../../parts/Pick";
import { Text } from "../../parts/Text";
import { Trouble } from "../../parts/Wait";
import type { Shown } from "../Users";

type Given = { close: () => void; roles: string[]; fresh: () => Promise<void>; shown: (made: Shown) => void };
const FIELDS = ["name", "role", "title", "email"] as const;
const HINTS = { name: /no name for a user|such a user/, role: /role/ };

export function Add({ close, roles, fresh, shown }: Given) {
  const [said, setSaid] = useState({ name: "", title: "", email: "", role: "developer" });
  const doing = useDoing();
  const { at, rest } = faultsOf(doing.error, FIELDS, HINTS);
  const set = (more: Partial<typeof said>) => setSaid((before) => ({ ...before, ...more }));
  const add = () =>
    doing.run(async () => {
      const made = await told(api.POST("/api/v1/users", { body: said }));
      await fresh();
      close();
      if (made.password) shown({ name: made.name, password: made.password });
    });
  return (
    <Sheet open close={close} title="Add a user">
      <Text label="Name to sign in with" value={said.name} change={(name) => set({ name })} fault={at.name} needed focus />
      <Pick label="Role" value={said.role} choices={roles.map((id) => ({ id, name: id }))} change={(role) => set({ role })} fault={at.role} />
      <Text label="Full name, if you like" value={said.title} change={(title) => set({ title })} fault={at.title} />
      <Text label="E-mail, if you like" value={said.email} change={(email) => set({ email })} fault={at.email} mode="email" />
      {rest !== null && <Trouble error={rest} />}
      <div className="actions">
        <Button className="btn" onPress={close}>
          Leave it
        </Button>
        <Button className="btn primary" isPending={doing.busy} isDisabled={!said.name.trim()} onPress={() => void add()}>
          Add user
        </Button>
      </div>
    </Sheet>
  );
}
