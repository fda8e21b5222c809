// A first password is changed before anything else is shown.
import { useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { Button, FieldError, Form, Input, Label, TextField } from "react-aria-components";
import { changePassword, meQuery, signIn, signOut } from "../api/session";
import { Trouble } from "../parts/Wait";
import { Door } from "./Door";

export default function NewPassword() {
  const client = useQueryClient();
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);

  async function send(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const said = new FormData(event.currentTarget);
    const me = client.getQueryData(meQuery.queryKey);
    const [old, fresh] = [String(said.get("old")), String(said.get("new"))];
    setBusy(true);
    setError(null);
    try {
      await changePassword(old, fresh);
      await signIn(me?.name ?? "", fresh);
      await client.invalidateQueries(meQuery);
    } catch (refused) {
      setError(refused);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Door title="Choose a password">
      <p className="muted">The first password was shown in a terminal. Choose one that only you know.</p>
      <Form onSubmit={send} className="stack">
        <TextField name="old" type="password" isRequired autoComplete="current-password" autoFocus>
          <Label>Present password</Label>
          <Input className="field" />
          <FieldError className="fault" />
        </TextField>
        <TextField name="new" type="password" isRequired minLength={12} autoComplete="new-password">
          <Label>New password, at least 12 characters</Label>
          <Input className="field" />
          <FieldError className="fault" />
        </TextField>
        {error !== null && <Trouble error={error} />}
        <Button type="submit" className="btn primary" isPending={busy}>
          {busy ? "Changing …" : "Change password"}
        </Button>
        <Button className="btn" isDisabled={busy} onPress={() => void signOut().finally(() => client.invalidateQueries(meQuery))}>
          Sign out
        </Button>
      </Form>
    </Door>
  );
}
