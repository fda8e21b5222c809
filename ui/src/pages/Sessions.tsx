// Where people are signed in; each sign-in can be ended at once.
import { useQueryClient } from "@tanstack/react-query";
import { LogOut, MonitorSmartphone } from "lucide-react";
import { api, told, type Schemas } from "../api/client";
import { useList } from "../api/lists";
import { meQuery } from "../api/session";
import { Sure } from "../parts/Act";
import { Pill } from "../parts/Pill";
import { on } from "../parts/say";
import { Empty, Trouble, Waiting } from "../parts/Wait";

type SignIn = Schemas["SignInOut"];

export default function Sessions() {
  const client = useQueryClient();
  const list = useList<SignIn>(["sessions"], (after) => told(api.GET("/api/v1/sessions", { params: { query: { after, limit: 100 } } })));
  return (
    <>
      <div className="runhead">
        <h1>Sessions</h1>
        <div className="actions">
          <Sure
            label="End all of mine"
            icon={<LogOut size={16} aria-hidden />}
            question="Every sign-in of yours ends, this one too."
            word="End them"
            act={async () => {
              await told(api.DELETE("/api/v1/sessions"));
              await client.invalidateQueries(meQuery);
            }}
          />
        </div>
      </div>
      {list.error ? (
        <Trouble error={list.error} again={() => void list.refetch()} />
      ) : list.isPending ? (
        <Waiting />
      ) : list.items.length ? (
        <ul className="rows card">
          {list.items.map((one) => (
            <li key={one.id}>
              <span className="two">
                <b>{device(one.user_agent)}</b>
                <span className="muted sm">
                  {one.address} · since {on(one.created)}
                </span>
              </span>
              <span className="muted sm">active {on(one.refreshed)}</span>
              {one.present ? (
                <Pill tone="ok">this one</Pill>
              ) : (
                <Sure
                  label="End"
                  question="Whoever is signed in there must sign in again."
                  word="End it"
                  act={async () => {
                    await told(api.DELETE("/api/v1/sessions/{family}", { params: { path: { family: one.id } } }));
                    await client.invalidateQueries({ queryKey: ["sessions"] });
                  }}
                />
              )}
            </li>
          ))}
        </ul>
      ) : (
        <Empty icon={MonitorSmartphone} title="Nobody is signed in" />
      )}
    </>
  );
}

/** The browser and the system in a user agent, or its first words. */
export function device(agent: string): string {
  const browser = /(Firefox|Edg|Chrome|Safari)\/[\d.]+/.exec(agent)?.[1]?.replace("Edg", "Edge");
  const system = /(Windows|Mac OS X|Android|iPhone|iPad|Linux)/.exec(agent)?.[1];
  return browser ? `${browser}${system ? ` on ${system}` : ""}` : agent.split(" ")[0] || "A program";
}
