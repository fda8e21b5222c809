// People, their roles, and what each role may do, as the server decides it.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Plus, Users as People } from "lucide-react";
import { useState } from "react";
import { Button, Input, SearchField } from "react-aria-components";
import { api, told, type Schemas } from "../api/client";
import { useList } from "../api/lists";
import { useMay } from "../api/session";
import { Sheet } from "../parts/Act";
import { Pick } from "../parts/Pick";
import { Secret } from "../parts/Secret";
import { Empty, Of, Trouble, Waiting } from "../parts/Wait";
import { Add } from "./users/Add";
import { FIRST, Matrix } from "./users/Matrix";
import { Person } from "./users/Person";
import { Roles } from "./users/Roles";
import "./pages.css";

type User = Schemas["UserOut"];
type Search = { name?: string; role?: string; noun?: string };
export type Shown = { name: string; password: string };

export default function Users() {
  const client = useQueryClient();
  const may = useMay();
  const go = useNavigate();
  const search = useSearch({ strict: false }) as Search;
  const { name, role } = search;
  const [adding, setAdding] = useState(false);
  const [shown, setShown] = useState<Shown | null>(null);
  const list = useList<User>(["users", name ?? "", role ?? ""], (after) => told(api.GET("/api/v1/users", { params: { query: { after, name, role, limit: 100 } } })));
  const policy = useQuery({ queryKey: ["policy"], queryFn: () => told(api.GET("/api/v1/policy")), enabled: may("policy.read") });
  const fresh = () => client.invalidateQueries({ queryKey: ["users"] });
  const roles = policy.data?.roles.map((one) => one.name) ?? ["admin", "developer", "viewer"];
  const set = (more: Search) => void go({ to: "/users" as never, search: Object.fromEntries(Object.entries({ ...search, ...more }).filter(([, value]) => value)) as never, replace: true });
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
      <div className="filters" role="search" aria-label="Filter the users">
        <SearchField aria-label="Name begins with" value={name ?? ""} onChange={(said) => set({ name: said })}>
          <Input className="field" placeholder="Name begins with" />
        </SearchField>
        <Pick label="Role" hidden value={role ?? ""} choices={[{ id: "", name: "Every role" }, ...roles.map((id) => ({ id, name: id }))]} change={(said) => set({ role: said })} />
      </div>
      {list.error && !list.items.length ? (
        <Trouble error={list.error} again={() => void list.refetch()} />
      ) : list.isPending ? (
        <Waiting />
      ) : list.items.length ? (
        <ul className="rows card" aria-label="Users">
          {list.items.map((user) => (
            <Person key={user.id} user={user} roles={roles} fresh={fresh} shown={setShown} />
          ))}
        </ul>
      ) : (
        <Empty icon={People} title="No users match" />
      )}
      {list.hasNextPage && (
        <Button className="btn spaced" isPending={list.isFetchingNextPage} onPress={() => void list.fetchNextPage()}>
          Show more
        </Button>
      )}
      {may("policy.read") && (
        <div className="stack spaced">
          <Of query={policy} rows={8}>
            {(found) => (
              <>
                {may("roles.list") && <Roles policy={found} />}
                <Matrix policy={found} noun={search.noun ?? FIRST} choose={(noun) => set({ noun })} />
              </>
            )}
          </Of>
        </div>
      )}
      {adding && <Add close={() => setAdding(false)} roles={roles} fresh={fresh} shown={setShown} />}
      <Sheet open={shown !== null} close={() => setShown(null)} title={`First password of ${shown?.name ?? ""}`}>
        <p className="muted">It is shown this once. It has to be changed at the first sign-in.</p>
        {shown && <Secret label={`First password of ${shown.name}`} value={shown.password} done={() => setShown(null)} />}
      </Sheet>
    </>
  );
}
