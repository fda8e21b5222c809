// Signing in; a first password is changed before anything else is shown.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { AudioWaveform, KeyRound } from "lucide-react";
import { useState, type FormEvent } from "react";
import { Button, FieldError, Form, Input, Label, TextField } from "react-aria-components";
import { api, told } from "../api/client";
import { changePassword, meQuery, signIn } from "../api/session";
import { Trouble } from "../parts/Wait";

export function Login() {
  const client = useQueryClient();
  const providers = useQuery({ queryKey: ["providers"], queryFn: () => told(api.GET("/api/v1/oauth/providers")), retry: false });
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);

  async function send(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const said = new FormData(event.currentTarget);
    setBusy(true);
    setError(null);
    try {
      await signIn(String(said.get("name")), String(said.get("password")));
      await client.invalidateQueries(meQuery);
    } catch (refused) {
      setError(refused);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Door title="Sign in">
      <Form onSubmit={send} className="stack">
        <TextField name="name" isRequired autoComplete="username" autoFocus>
          <Label>Name</Label>
          <Input className="field" />
          <FieldError className="fault" />
        </TextField>
        <TextField name="password" type="password" isRequired autoComplete="current-password">
          <Label>Password</Label>
          <Input className="field" />
          <FieldError className="fault" />
        </TextField>
        {error !== null && <Trouble error={error} />}
        <Button type="submit" className="btn primary" isPending={busy}>
          {busy ? "Signing in …" : "Sign in"}
        </Button>
      </Form>
      {providers.data?.items.map((one) => (
        <a key={one.name} className="btn" href={one.start}>
          <KeyRound size={16} aria-hidden />
          Sign in with {one.name}
        </a>
      ))}
    </Door>
  );
}

export function NewPassword() {
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
      </Form>
    </Door>
  );
}

function Door({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <main className="door" id="main">
      <div className="card stack">
        <div className="brand">
          <i aria-hidden>
            <AudioWaveform size={19} />
          </i>
          Engram
        </div>
        <h1>{title}</h1>
        {children}
      </div>
    </main>
  );
}
