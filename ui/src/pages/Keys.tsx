// API keys: made by a person who is signed in, shown once, revoked at once.
import { useQueryClient } from "@tanstack/react-query";
import { Copy, KeyRound, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { Button, Input, Label, TextField } from "react-aria-components";
import { api, told, type Schemas } from "../api/client";
import { useList } from "../api/lists";
import { Sheet, Sure, useDoing } from "../parts/Act";
import { Pill } from "../parts/Pill";
import { on } from "../parts/say";
import { Empty, Trouble, Waiting } from "../parts/Wait";

type Key = Schemas["KeyOut"];

export default function Keys() {
  const client = useQueryClient();
  const [making, setMaking] = useState(false);
  const list = useList<Key>(["keys"], (after) => told(api.GET("/api/v1/keys", { params: { query: { after, limit: 100 } } })));
  const fresh = () => client.invalidateQueries({ queryKey: ["keys"] });
  const mine = list.items.filter((one) => one.run === null);
  return (
    <>
      <div className="runhead">
        <div>
          <h1>API keys</h1>
          <p className="muted">For programs. A key is shown once and can do no more than you.</p>
        </div>
        <div className="actions">
          <Button className="btn primary" onPress={() => setMaking(true)}>
            <Plus size={16} aria-hidden />
            New key
          </Button>
        </div>
      </div>
      {list.error ? (
        <Trouble error={list.error} again={() => void list.refetch()} />
      ) : list.isPending ? (
        <Waiting />
      ) : mine.length ? (
        <ul className="rows card">
          {mine.map((one) => (
            <li key={one.id}>
              <span className="two">
                <b>{one.name}</b>
                <span className="muted mono sm">{one.prefix}</span>
              </span>
              <span className="muted sm">{one.scopes.join(", ")}</span>
              <span className="muted sm">{one.used ? `used ${on(one.used)}` : "never used"}</span>
              <span className="muted sm">{one.expires ? `until ${on(one.expires)}` : "no end"}</span>
              {one.revoked ? (
                <Pill tone="idle">revoked</Pill>
              ) : (
                <Sure
                  label="Revoke"
                  icon={<Trash2 size={15} aria-hidden />}
                  question={`Programs with the key ${one.name} are refused from now on.`}
                  word="Revoke it"
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
      <NewKey open={making} close={() => setMaking(false)} made={fresh} />
    </>
  );
}

function NewKey({ open, close, made }: { open: boolean; close: () => void; made: () => Promise<void> }) {
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState("*");
  const [days, setDays] = useState("90");
  const [key, setKey] = useState("");
  const doing = useDoing();
  const done = () => {
    setKey("");
    setName("");
    doing.clear();
    close();
  };
  const make = () =>
    doing.run(async () => {
      const expires_at = Number(days) > 0 ? Math.floor(Date.now() / 1000) + Math.round(Number(days) * 86_400) : null;
      const body = { name, scopes: scopes.split(/[\s,]+/).filter(Boolean), expires_at };
      const found = await told(api.POST("/api/v1/keys", { body }));
      setKey(found.key ?? "");
      await made();
    });
  return (
    <Sheet open={open} close={done} title={key ? "Copy it now" : "New key"}>
      {key ? (
        <>
          <p className="muted">It is shown this once and kept nowhere in clear.</p>
          <pre className="well mono wrap pad">{key}</pre>
          <div className="actions">
            <Button className="btn" onPress={() => void navigator.clipboard.writeText(key)}>
              <Copy size={16} aria-hidden />
              Copy
            </Button>
            <Button className="btn primary" onPress={done}>
              Done
            </Button>
          </div>
        </>
      ) : (
        <>
          <TextField value={name} onChange={setName} isRequired autoFocus>
            <Label>What is it for?</Label>
            <Input className="field" />
          </TextField>
          <TextField value={scopes} onChange={setScopes} isRequired>
            <Label>Operations, as runs.* or deployments.predict; * is everything you may do</Label>
            <Input className="field mono" />
          </TextField>
          <TextField value={days} onChange={setDays}>
            <Label>Days until it ends; 0 for no end</Label>
            <Input className="field" inputMode="numeric" />
          </TextField>
          {doing.error !== null && <Trouble error={doing.error} />}
          <div className="actions">
            <Button className="btn" onPress={done}>
              Cancel
            </Button>
            <Button className="btn primary" isPending={doing.busy} isDisabled={!name} onPress={() => void make()}>
              Make it
            </Button>
          </div>
        </>
      )}
    </Sheet>
  );
}
