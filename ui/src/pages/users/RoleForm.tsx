import { Save } from "lucide-react";
import { useState } from "react";
import { Button, Input, SearchField } from "react-aria-components";
import { api, told, type Schemas } from "../../api/client";
import { faultsOf, isStale } from "../../api/faults";
import { Sheet, useDoing } from "../../parts/Act";
import { Pick } from "../../parts/Pick";
import { Stale } from "../../parts/Stale";
import { Text } from "../../parts/Text";
import { Trouble } from "../../parts/Wait";

type Far = "none" | "own" | "shared" | "any";
type Given = { role?: Schemas["RoleOut"]; policy: Schemas["PolicyOut"]; close: () => void; fresh: () => Promise<void> };
const ON_OBJECT = [
  { id: "none", name: "not at all" },
  { id: "own", name: "own" },
  { id: "shared", name: "own and shared" },
  { id: "any", name: "everybody's" },
];
const ON_HOUSE = [
  { id: "none", name: "no" },
  { id: "own", name: "yes: own" },
  { id: "shared", name: "yes: shared" },
  { id: "any", name: "yes: all" },
];

export function RoleForm({ role, policy, close, fresh }: Given) {
  const [name, setName] = useState(role?.name ?? "");
  const [find, setFind] = useState("");
  const [far, setFar] = useState<Record<string, Far>>(role?.operations ?? {});
  const doing = useDoing();
  const { at, rest } = faultsOf(doing.error, ["name"], { name: /(such|is no|there is) .*role|name/ });
  // Only what an Admin has can be given; the server refuses the rest in any case.
  const operations = policy.operations.filter((row) => row.reach.admin !== "none" && row.name.includes(find.trim().toLowerCase()));
  const given = Object.fromEntries(Object.entries(far).filter(([, reach]) => reach !== "none")) as Record<string, "own" | "shared" | "any">;
  const start = (from: string) => setFar(Object.fromEntries(policy.operations.map((row) => [row.name, (row.reach[from] ?? "none") as Far]).filter(([, reach]) => reach !== "none")) as Record<string, Far>);
  const save = () =>
    doing.run(async () => {
      if (role) await told(api.PUT("/api/v1/roles/{role}", { params: { path: { role: role.name } }, body: { operations: given }, headers: { "If-Match": `"${role.version}"` } }));
      else await told(api.POST("/api/v1/roles", { body: { name, operations: given } }));
      await fresh();
      close();
    });
  return (
    <Sheet open close={close} title={role ? `Change ${role.name}` : "New role"}>
      {!role && (
        <>
          <Text label="Name" value={name} change={setName} fault={at.name} needed focus example="reviewer" />
          <Pick label="Begin with what this role may do" value="" choices={[{ id: "", name: "nothing" }, ...policy.roles.map((one) => ({ id: one.name, name: one.name }))]} change={start} />
        </>
      )}
      <SearchField aria-label="Find an operation" value={find} onChange={setFind}>
        <Input className="field" placeholder="Find an operation, as runs" />
      </SearchField>
      <div className="choosers tall" role="group" aria-label="Operations">
        {operations.map((row) => (
          <div key={row.name} className="chooser">
            <span className="mono sm wrap">{row.name}</span>
            <Pick label={row.name} hidden value={far[row.name] ?? "none"} choices={row.on_object ? ON_OBJECT : ON_HOUSE} change={(reach) => setFar((before) => ({ ...before, [row.name]: reach as Far }))} />
          </div>
        ))}
      </div>
      <p className="muted sm" role="status">
        {Object.keys(given).length} operations chosen
      </p>
      {isStale(doing.error) ? <Stale load={() => void fresh()} /> : rest !== null && <Trouble error={rest} />}
      <div className="actions">
        <Button className="btn" onPress={close}>
          Leave it
        </Button>
        <Button className="btn primary" isPending={doing.busy} isDisabled={!name.trim() || !Object.keys(given).length} onPress={() => void save()}>
          <Save size={15} aria-hidden />
          {role ? "Save role" : "Make role"}
        </Button>
      </div>
    </Sheet>
  );
}
