// People, their roles, and what each role may do, as the server decides it.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Copy, Plus, UserX } from "lucide-react";
import { useState } from "react";
import { Button, Input, Label, ListBox, ListBoxItem, Popover, Select, SelectValue, TextField } from "react-aria-components";
import { api, told, type Schemas } from "../api/client";
import { useList } from "../api/lists";
import { useMay } from "../api/session";
import { Sheet, Sure, useDoing } from "../parts/Act";
import { Card } from "../parts/Card";
import { Pill } from "../parts/Pill";
import { on } from "../parts/say";
import { Of, Trouble, Waiting } from "../parts/Wait";

type User = Schemas["UserOut"];

export default function Users() {
  const client = useQueryClient();
  const may = useMay();
  const [adding, setAdding] = useState(false);
  const [shown, setShown] = useState<{ name: string; password: string } | null>(null);
  const list = useList<User>(["users"], (after) => told(api.GET("/api/v1/users", { params: { query: { after, limit: 200 } } })));
  const policy = useQuery({ queryKey: ["policy"], queryFn: () => told(api.GET("/api/v1/policy")), enabled: may("policy.read") });
  const fresh = () => client.invalidateQueries({ queryKey: ["users"] });
  const roles = policy.data?.roles.map((one) => one.name) ?? ["admin", "developer", "viewer"];
  return (
    <>
      <div className="runhead">
        <h1>Users &amp; roles</h1>
        <div className="actions">
          {may("users.create") && (
            <Button className="btn primary" onPress={() => setAdding(true)}>
              <Plus size={16} aria-hidden />
              Add a user
            </Button>
          )}
        </div>
      </div>
      {list.error ? (
        <Trouble error={list.error} again={() => void list.refetch()} />
      ) : list.isPending ? (
        <Waiting />
      ) : (
        <ul className="rows card">
          {list.items.map((user) => (
            <Row key={user.id} user={user} roles={roles} fresh={fresh} shown={setShown} />
          ))}
        </ul>
      )}
      {may("policy.read") && <Of query={policy}>{(found) => <Matrix policy={found} />}</Of>}
      <Add open={adding} close={() => setAdding(false)} roles={roles} fresh={fresh} shown={setShown} />
      <Sheet open={shown !== null} close={() => setShown(null)} title={`First password of ${shown?.name ?? ""}`}>
        <p className="muted">It is shown this once. She changes it when she signs in.</p>
        <pre className="well mono pad">{shown?.password}</pre>
        <div className="actions">
          <Button className="btn" onPress={() => void navigator.clipboard.writeText(shown?.password ?? "")}>
            <Copy size={16} aria-hidden />
            Copy
          </Button>
          <Button className="btn primary" onPress={() => setShown(null)}>
            Done
          </Button>
        </div>
      </Sheet>
    </>
  );
}

type RowGiven = { user: User; roles: string[]; fresh: () => Promise<void>; shown: (made: { name: string; password: string }) => void };

function Row({ user, roles, fresh, shown }: RowGiven) {
  const may = useMay();
  const doing = useDoing();
  const path = { user: user.id };
  return (
    <li>
      <span className="two">
        <b>{user.name}</b>
        <span className="muted sm">{user.title || user.email || `since ${on(user.created)}`}</span>
      </span>
      {user.disabled && <Pill tone="bad">kept out</Pill>}
      {may("users.assign_role") ? (
        <RoleChoice
          label={`Role of ${user.name}`}
          roles={roles}
          role={user.role}
          choose={(role) =>
            void doing.run(async () => {
              await told(api.PUT("/api/v1/users/{user}/role", { params: { path }, body: { role } }));
              await fresh();
            })
          }
        />
      ) : (
        <span>{user.role}</span>
      )}
      {may("users.reset_password") && !user.provider && !user.disabled && (
        <Sure
          label="New password"
          question={`${user.name} is signed out everywhere and gets a new first password.`}
          word="Give her one"
          act={async () => {
            const made = await told(api.POST("/api/v1/users/{user}/password", { params: { path } }));
            shown({ name: made.name, password: made.password });
          }}
        />
      )}
      {may("users.disable") && (
        <Sure
          label={user.disabled ? "Let in again" : "Keep out"}
          icon={<UserX size={15} aria-hidden />}
          question={user.disabled ? `${user.name} may sign in again.` : `${user.name} is signed out everywhere, and her keys don't count.`}
          word="Yes"
          act={async () => {
            await told(api.PUT("/api/v1/users/{user}/disabled", { params: { path }, body: { disabled: !user.disabled } }));
            await fresh();
          }}
        />
      )}
      {doing.error !== null && <Trouble error={doing.error} />}
    </li>
  );
}

function RoleChoice({ label, roles, role, choose }: { label: string; roles: string[]; role: string; choose: (role: string) => void }) {
  return (
    <Select aria-label={label} selectedKey={role} onSelectionChange={(key) => key !== role && choose(String(key))}>
      <Button className="btn">
        <SelectValue />
      </Button>
      <Popover className="pop">
        <ListBox>
          {roles.map((one) => (
            <ListBoxItem key={one} id={one} className="opt">
              {one}
            </ListBoxItem>
          ))}
        </ListBox>
      </Popover>
    </Select>
  );
}

function Add({ open, close, roles, fresh, shown }: { open: boolean; close: () => void; roles: string[]; fresh: () => Promise<void>; shown: RowGiven["shown"] }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState("developer");
  const doing = useDoing();
  const add = () =>
    doing.run(async () => {
      const made = await told(api.POST("/api/v1/users", { body: { name, role, title: "", email: "" } }));
      await fresh();
      close();
      setName("");
      if (made.password) shown({ name: made.name, password: made.password });
    });
  return (
    <Sheet open={open} close={close} title="Add a user">
      <TextField value={name} onChange={setName} isRequired autoFocus>
        <Label>Name, by which she signs in</Label>
        <Input className="field" />
      </TextField>
      <div>
        <Label>Role</Label>
        <RoleChoice label="Role" roles={roles} role={role} choose={setRole} />
      </div>
      {doing.error !== null && <Trouble error={doing.error} />}
      <div className="actions">
        <Button className="btn" onPress={close}>
          Cancel
        </Button>
        <Button className="btn primary" isPending={doing.busy} isDisabled={!name.trim()} onPress={() => void add()}>
          Add her
        </Button>
      </div>
    </Sheet>
  );
}

const REACH: Record<string, string> = { none: "–", own: "own", shared: "shared", any: "any" };

function Matrix({ policy }: { policy: Schemas["PolicyOut"] }) {
  return (
    <Card title="What each role may do" className="spaced" aside={<span className="sm muted">how far each operation reaches</span>}>
      <div className="scroll tall" tabIndex={0} role="region" aria-label="Policy">
        <table className="plain">
          <thead>
            <tr>
              <th scope="col">Operation</th>
              {policy.roles.map((one) => (
                <th key={one.name} scope="col">
                  {one.name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {policy.operations.map((row) => (
              <tr key={row.name}>
                <th scope="row" className="mono sm">
                  {row.name}
                </th>
                {policy.roles.map((one) => (
                  <td key={one.name} className={row.reach[one.name] === "none" ? "muted" : ""}>
                    {REACH[row.reach[one.name] ?? "none"]}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}
