// Names and what answers under them: deploy, promote, share with a canary, roll back, stop, try.
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Plus, Rocket } from "lucide-react";
import { useState } from "react";
import { Button } from "react-aria-components";
import { api, told } from "../api/client";
import { useMay } from "../api/session";
import { Card } from "../parts/Card";
import { Pill } from "../parts/Pill";
import { short } from "../parts/say";
import { Empty, Of } from "../parts/Wait";
import { Deploy } from "./deployments/Deploy";
import { One } from "./deployments/One";
import "./pages.css";

type Search = { name?: string; artifact?: string };

export default function Deployments() {
  const { name, artifact } = useSearch({ strict: false }) as Search;
  const may = useMay();
  const go = useNavigate();
  const list = useQuery({ queryKey: ["deployments"], queryFn: () => told(api.GET("/api/v1/deployments", { params: { query: { limit: 200 } } })) });
  // A run's page leads here with the artifact that it published.
  const [adding, setAdding] = useState(Boolean(artifact) && !name);
  const show = (one?: string) => void go({ to: "/deployments" as never, search: (one ? { name: one } : {}) as never, replace: true });
  return (
    <>
      <div className="runhead">
        <h1>Deployments</h1>
        {may("deployments.create") && (
          <div className="actions">
            <Button className="btn primary" onPress={() => setAdding(true)}>
              <Plus size={16} aria-hidden />
              Deploy an artifact
            </Button>
          </div>
        )}
      </div>
      <Of query={list} rows={5}>
        {(found) => {
          const chosen = found.items.find((one) => one.name === name) ?? (name ? undefined : found.items[0]);
          if (!found.items.length) {
            return (
              <Empty icon={Rocket} title="Nothing is deployed yet">
                <p className="muted">{may("deployments.create") ? "A published run has a certified artifact: give it a name under which it answers." : "Nobody has shared a deployment with you."}</p>
              </Empty>
            );
          }
          return (
            <div className="grid flush">
              <Card title="Names" icon={Rocket} className="c4">
                <ul className="choices" aria-label="Deployments">
                  {found.items.map((one) => (
                    <li key={one.id}>
                      <Button className="choice" aria-current={one.id === chosen?.id || undefined} onPress={() => show(one.name)}>
                        <span className="two">
                          <b>{one.name}</b>
                          <span className="muted mono sm">{short(one.artifact)}</span>
                        </span>
                        <Pill tone={one.state === "serving" ? "ok" : "idle"}>{one.state}</Pill>
                      </Button>
                    </li>
                  ))}
                </ul>
              </Card>
              {chosen ? (
                <One key={chosen.id} name={chosen.name} gone={() => show()} />
              ) : (
                <div className="c8">
                  <Empty icon={Rocket} title={`Nothing is deployed as ${name}`} />
                </div>
              )}
            </div>
          );
        }}
      </Of>
      {adding && (
        <Deploy
          artifact={artifact ?? ""}
          close={() => {
            setAdding(false);
            if (artifact) show(name);
          }}
          made={(made) => {
            setAdding(false);
            show(made);
          }}
        />
      )}
    </>
  );
}
