// API keys: made by a person who is signed in, shown once, revoked at once.
import { useQueryClient } from "@tanstack/react-query";
import { KeyRound, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { Button } from "react-aria-components";
import { api, told, type Schemas } from "../api/client";
import { useList } from "../api/lists";
import { useMay } from "../api/session";
import { Sure } from "../parts/Act";
import { useNow } from "../parts/now";
import { Pill } from "../parts/Pill";
import { on } from "../parts/say";
import { Empty, Trouble, Waiting } from "../parts/Wait";
import { NewKey } from "./keys/NewKey";
import "./pages.css";

type Key = Schemas["KeyOut"];

export default function Keys() {
  const client = useQueryClient();
  const may = useMay();
  const [making, setMaking] = useState(false);
  const list = useList<Key>(["keys"], (after) => told(api.GET("/api/v1/keys", { params: { query: { after, limit: 100 } } })));
  const fresh = () => client.invalidateQueries({ queryKey: ["keys"] });
  const now = useNow(30);
  const mine = list.items.filter((one) => one.run === null);
  return (
    <>
      <div className="runhead">
        <div>
          <h1>API keys</h1>
          <p className="muted">For programs. A key is shown once and can do no more than you.</p>
        </div>
        <div className="actions">
          {may("keys.create") && (
            <Button className="btn primary" onPress={() => setMaking(true)}>
              <Plus size={16} aria-hidden />
              New key
            </Button>
          )}
        </div>
      </div>
      {list.error ? (
        <Trouble error={list.error} again={() => void list.refetch()} />
      ) : list.isPending ? (
        <Waiting />
      ) : mine.length ? (
        <ul className="rows card" aria-label="API keys">
          {mine.map((one) => (
            <li key={one.id}>
              <span className="two">
                <b>{one.name}</b>
                <span className="muted mono sm">{one.prefix}</span>
              </span>
              <span className="mono sm wrap">{one.scopes.includes("*") ? "everything" : one.scopes.join(", ")}</span>
              <span className="muted sm">{one.used ? `used ${on(one.used)}` : "never used"}</span>
              <span className="muted sm">{one.expires ? `until ${on(one.expires)}` : "no end"}</span>
              {one.revoked ? (
                <Pill tone="idle">revoked</Pill>
              ) : one.expires && Date.parse(one.expires) < now ? (
                <Pill tone="warn">has ended</Pill>
              ) : !may("keys.revoke") ? null : (
                <Sure
                  label="Revoke"
                  icon={<Trash2 size={15} aria-hidden />}
                  question={`Programs with the key ${one.name} are refused from now on.`}
                  word="Revoke key"
                  act={async () => {
                    await told(api.DELETE("/api/v1/keys/{prefix}", { params: { path: { prefix: one.prefix } } }));
                    await fresh();
                  }}
                />
              )}
            </li>
          ))}
        </ul>
      ) : (
        <Empty icon={KeyRound} title="No keys yet">
          <p className="muted">Make one for a script, a notebook, or a trainer on another machine.</p>
        </Empty>
      )}
      {list.hasNextPage && (
        <Button className="btn spaced" isPending={list.isFetchingNextPage} onPress={() => void list.fetchNextPage()}>
          Show older keys
        </Button>
      )}
      {making && <NewKey close={() => setMaking(false)} made={fresh} />}
    </>
  );
}
