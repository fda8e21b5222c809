// Signing in, by a password or through a provider that an Admin has set up.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { KeyRound } from "lucide-react";
import { useState, type FormEvent } from "react";
import { Button, FieldError, Form, Input, Label, TextField } from "react-aria-components";
import { api, told } from "../api/client";
import { meQuery, signIn } from "../api/session";
import { Trouble } from "../parts/Wait";
import { Door } from "./Door";

export default function Login() {
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
