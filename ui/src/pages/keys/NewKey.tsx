// A new key: what it is for, what it may do, until when; then its text, this once.
import { useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { Button, Radio, RadioGroup, Label } from "react-aria-components";
import { api, told } from "../../api/client";
import { faultsOf } from "../../api/faults";
import { meQuery } from "../../api/session";
import { Sheet, useDoing } from "../../parts/Act";
import { Pick } from "../../parts/Pick";
import { Secret } from "../../parts/Secret";
import { on } from "../../parts/say";
import { Text } from "../../parts/Text";
import { Trouble } from "../../parts/Wait";
import { endOf, scopesOf } from "./scopes";

const ENDS = [
  { id: "7", name: "7 days" },
  { id: "30", name: "30 days" },
  { id: "90", name: "90 days" },
  { id: "365", name: "a year" },
  { id: "0", name: "no end" },
];

export function NewKey({ close, made }: { close: () => void; made: () => Promise<void> }) {
  const me = useQuery(meQuery);
  const [name, setName] = useState("");
  const [all, setAll] = useState(false);
  const [said, setSaid] = useState("deployments.predict");
  const [days, setDays] = useState("90");
  const [key, setKey] = useState("");
  const doing = useDoing();
  const { at, rest } = faultsOf(doing.error, ["name", "scopes", "expires_at"], { scopes: /scope|operation/i, name: /name/ });
  const operations = me.data?.operations ?? [];
  const scopes = all ? ["*"] : scopesOf(said);
  const nouns = [...new Set(operations.map((one) => `${one.split(".")[0]}.*`))];
  const end = endOf(Number(days), Date.now());
  const make = () =>
    doing.run(async () => {
      const found = await told(api.POST("/api/v1/keys", { body: { name, scopes, expires_at: end } }));
      setKey(found.key ?? "");
      await made();
    });
  return (
    <Sheet open close={close} title={key ? "Copy the key now" : "New key"}>
      {key ? (
        <>
          <p className="muted">It is shown this once and kept nowhere in clear.</p>
          <Secret label={`The key ${name}`} value={key} done={close} />
        </>
      ) : (
        <>
          <Text label="What is it for?" value={name} change={setName} fault={at.name} needed focus example="nightly import" />
          <RadioGroup className="radios" value={all ? "all" : "some"} onChange={(value) => setAll(value === "all")}>
            <Label>What may it do?</Label>
            <Radio value="some" className="radio">
              Some operations
            </Radio>
            <Radio value="all" className="radio">
              Everything you may
            </Radio>
          </RadioGroup>
          {!all && (
            <>
              <Text label="Operations" value={said} change={setSaid} fault={at.scopes} said="Separated by commas, as deployments.predict or runs.*" mono needed />
              <Pick
                label="Add an operation"
                value=""
                choices={[{ id: "", name: "Choose …" }, ...[...nouns, ...operations].map((id) => ({ id, name: id }))]}
                change={(one) => setSaid((before) => [...new Set([...scopesOf(before), one])].join(", "))}
              />
            </>
          )}
          {all && at.scopes && <p className="fault">{at.scopes}</p>}
          <Pick label="Ends after" value={days} choices={ENDS} change={setDays} fault={at.expires_at} />
          <p className="muted sm">{end === null ? "It works until it is revoked." : `It works until ${on(new Date(1000 * end).toISOString())}.`}</p>
          {rest !== null && <Trouble error={rest} />}
          <div className="actions">
            <Button className="btn" onPress={close}>
              Leave it
            </Button>
            <Button className="btn primary" isPending={doing.busy} isDisabled={!name.trim() || !scopes.length} onPress={() => void make()}>
              Make key
            </Button>
          </div>
        </>
      )}
    </Sheet>
  );
}
