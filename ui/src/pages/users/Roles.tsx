// Roles beside the three that come with Engram: each operation with how far it reaches.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Pencil, Plus, ShieldPlus, Trash2 } from "lucide-react";
import { useState } from "react";
import { Button } from "react-aria-components";
import { api, told, type Schemas } from "../../api/client";
import { useMay } from "../../api/session";
import { Sure } from "../../parts/Act";
import { Card } from "../../parts/Card";
import { Of } from "../../parts/Wait";
import { RoleForm } from "./RoleForm";

type Role = Schemas["RoleOut"];

export function Roles({ policy }: { policy: Schemas["PolicyOut"] }) {
  const may = useMay();
  const client = useQueryClient();
  const [editing, setEditing] = useState<string | null>(null);
  const roles = useQuery({ queryKey: ["roles"], queryFn: () => told(api.GET("/api/v1/roles")) });
  const fresh = async () => {
    await client.invalidateQueries({ queryKey: ["roles"] });
    await client.invalidateQueries({ queryKey: ["policy"] });
  };
  return (
    <Card
      title="Roles of your own"
      icon={ShieldPlus}
      aside={
        may("roles.create") && (
          <Button className="btn" onPress={() => setEditing("")}>
            <Plus size={16} aria-hidden />
            New role
          </Button>
        )
      }
    >
      <Of query={roles} rows={2}>
        {(found) => (
          <>
            {found.items.length ? (
              <ul className="rows" aria-label="Roles of your own">
                {found.items.map((role: Role) => (
                  <li key={role.name}>
                    <span className="two">
                      <b>{role.name}</b>
                      <span className="muted sm">{Object.keys(role.operations).length} operations</span>
                    </span>
                    {may("roles.update") && (
                      <Button className="btn" onPress={() => setEditing(role.name)}>
                        <Pencil size={15} aria-hidden />
                        Change {role.name}
                      </Button>
                    )}
                    {may("roles.delete") && (
                      <Sure
                        label="Delete"
                        icon={<Trash2 size={15} aria-hidden />}
                        question={`Only a role that nobody has can be deleted. ${role.name} is gone then.`}
                        word="Delete role"
                        act={async () => {
                          await told(api.DELETE("/api/v1/roles/{role}", { params: { path: { role: role.name } }, headers: { "If-Match": `"${role.version}"` } }));
                          await fresh();
                        }}
                      />
                    )}
                  </li>
                ))}
              </ul>
            ) : (
              <p className="muted">Admin, developer and viewer come with Engram. Make one where none of them fits, a reviewer for example.</p>
            )}
            {editing !== null && (
              <RoleForm
                key={`${editing} ${found.items.find((one: Role) => one.name === editing)?.version ?? 0}`}
                role={found.items.find((one: Role) => one.name === editing)}
                policy={policy}
                close={() => setEditing(null)}
                fresh={fresh}
              />
            )}
          </>
        )}
      </Of>
    </Card>
  );
}
