// One user: her role, a new password, being kept out; a change of role can be taken back at once.
import { Undo2, UserCheck, UserX } from "lucide-react";
import { useState } from "react";
import { Button } from "react-aria-components";
import { useQuery } from "@tanstack/react-query";
import { api, told, type Schemas } from "../../api/client";
import { meQuery, useMay } from "../../api/session";
import { Sure, useDoing } from "../../parts/Act";
import { Pick } from "../../parts/Pick";
import { Pill } from "../../parts/Pill";
import { on } from "../../parts/say";
import { Trouble } from "../../parts/Wait";
import type { Shown } from "../Users";

type Given = { user: Schemas["UserOut"]; roles: string[]; fresh: () => Promise<void>; shown: (made: Shown) => void };

export function Person({ user, roles, fresh, shown }: Given) {
  const may = useMay();
  const me = useQuery(meQuery);
  const doing = useDoing();
  const [was, setWas] = useState<string | null>(null);
  const path = { user: user.id };
  const assign = (role: string, before: string | null) =>
    void doing.run(async () => {
      await told(api.PUT("/api/v1/users/{user}/role", { params: { path }, body: { role } }));
      await fresh();
      setWas(before);
    });
  const mine = me.data?.user === user.id;
  return (
    <li>
      <span className="two">
        <b>
          {user.name} {mine && <span className="muted sm">(you)</span>}
        </b>
        <span className="muted sm">{[user.title, user.email].filter(Boolean).join(" · ") || `since ${on(user.created)}`}</span>
      </span>
      {user.disabled && <Pill tone="bad">kept out</Pill>}
      {may("users.assign_role") ? (
        <Pick
          label={`Role of ${user.name}`}
          hidden
          value={user.role}
          choices={(roles.includes(user.role) ? roles : [...roles, user.role]).map((id) => ({ id, name: id }))}
          change={(role) => assign(role, user.role)}
          disabled={doing.busy}
        />
      ) : (
        <span>{user.role}</span>
      )}
      {may("users.reset_password") && !user.provider && !user.disabled && !mine && (
        <Sure
          label="New password"
          question={`${user.name} is signed out everywhere and gets a new first password.`}
          word="Make a new password"
          act={async () => {
            const made = await told(api.POST("/api/v1/users/{user}/password", { params: { path } }));
            shown({ name: made.name, password: made.password });
          }}
        />
      )}
      {may("users.disable") && !mine && (
        <Sure
          label={user.disabled ? "Let in again" : "Keep out"}
          icon={user.disabled ? <UserCheck size={15} aria-hidden /> : <UserX size={15} aria-hidden />}
          question={user.disabled ? `${user.name} may sign in again.` : `${user.name} is signed out everywhere, and keys of this account don't count.`}
          word={user.disabled ? `Let ${user.name} in` : `Keep ${user.name} out`}
          act={async () => {
            await told(api.PUT("/api/v1/users/{user}/disabled", { params: { path }, body: { disabled: !user.disabled } }));
            await fresh();
          }}
        />
      )}
      {was !== null && was !== user.role && (
        <div className="full undo" role="status">
          <p>
            {user.name} is {user.role} now.
          </p>
          <Button className="btn" isDisabled={doing.busy} onPress={() => assign(was, null)}>
            <Undo2 size={16} aria-hidden />
            Make {was} again
          </Button>
        </div>
      )}
      {doing.error !== null && (
        <div className="full">
          <Trouble error={doing.error} />
        </div>
      )}
    </li>
  );
}
