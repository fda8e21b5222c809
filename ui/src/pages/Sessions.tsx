// Where people are signed in; each sign-in can be ended at once.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { LogOut, MonitorSmartphone } from "lucide-react";
import { Button } from "react-aria-components";
import { api, told, type Schemas } from "../api/client";
import { useList } from "../api/lists";
import { meQuery, useMay } from "../api/session";
import { Sure } from "../parts/Act";
import { Pill } from "../parts/Pill";
import { useNow } from "../parts/now";
import { ago, on, short } from "../parts/say";
import { Empty, Trouble, Waiting } from "../parts/Wait";
import "./pages.css";

type SignIn = Schemas["SignInOut"];

export default function Sessions() {
  const client = useQueryClient();
  const may = useMay();
  const me = useQuery(meQuery);
  const now = useNow(30);
  // An Admin sees everybody's: whose each is has to be said then.
  const people = useQuery({
    queryKey: ["users", "names"],
    enabled: may("users.list"),
    queryFn: () => told(api.GET("/api/v1/users", { params: { query: { limit: 200 } } })),
  });
  const named = (id: string) => people.data?.items.find((one) => one.id === id)?.name ?? short(id);
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
            word="End all of mine"
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
        <ul className="rows card" aria-label="Sessions">
          {list.items.map((one) => (
            <li key={one.id}>
              <span className="two">
                <b>
                  {device(one.user_agent)}
                  {one.user !== me.data?.user && <span className="muted sm"> · {named(one.user)}</span>}
                </b>
                <span className="muted sm">
                  {one.address} · since {on(one.created)}
                </span>
              </span>
              <span className="muted sm">active {ago(one.refreshed, now)}</span>
              {one.present ? (
                <Pill tone="ok">this one</Pill>
              ) : !may("sessions.end") ? null : (
                <Sure
                  label="End"
                  question="Whoever is signed in there must sign in again."
                  word="End session"
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
      {list.hasNextPage && (
        <Button className="btn spaced" isPending={list.isFetchingNextPage} onPress={() => void list.fetchNextPage()}>
          Show more
        </Button>
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
