// What a run published: the certified artifact, its files, and whether every byte is still what was certified.
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Check, Download, Package, Rocket, ShieldCheck, X } from "lucide-react";
import { Button } from "react-aria-components";
import { api, told, type Schemas } from "../../api/client";
import { useMay } from "../../api/session";
import { Card } from "../../parts/Card";
import { bytes, number } from "../../parts/say";
import { Empty, Of, Trouble } from "../../parts/Wait";

export default function Artifacts({ run }: { run: Schemas["RunOut"] }) {
  const digest = run.artifact;
  const may = useMay();
  const artifact = useQuery({
    queryKey: ["artifact", digest],
    enabled: Boolean(digest),
    queryFn: () => told(api.GET("/api/v1/artifacts/{digest}", { params: { path: { digest } } })),
  });
  const check = useMutation({ mutationFn: () => told(api.GET("/api/v1/artifacts/{digest}/check", { params: { path: { digest } } })) });
  if (!digest) {
    return (
      <Empty icon={Package} title="Nothing is published yet">
        <p className="muted">What every gate has let pass is published with its certificate.</p>
      </Empty>
    );
  }
  return (
    <Of query={artifact}>
      {(found) => (
        <Card
          title="Certified artifact"
          icon={Package}
          aside={
            <>
              <a className="btn" href={`/api/v1/artifacts/${digest}/certificate`} download={`certificate-${found.name}.json`}>
                <Download size={16} aria-hidden />
                Certificate
              </a>
              {may("deployments.create") && (
                <Link className="btn primary" to={"/deployments" as never} search={{ artifact: digest } as never}>
                  <Rocket size={16} aria-hidden />
                  Deploy
                </Link>
              )}
              <Button className="btn" isPending={check.isPending} onPress={() => check.mutate()}>
                <ShieldCheck size={16} aria-hidden />
                {check.isPending ? "Looking at every byte …" : "Check every file"}
              </Button>
            </>
          }
        >
          <dl className="facts">
            <dt>Digest</dt>
            <dd className="mono wrap">{found.digest}</dd>
            <dt>Size</dt>
            <dd>{bytes(found.bytes)}</dd>
            <dt>Ledger entry</dt>
            <dd>{found.entry ?? "–"}</dd>
            {Object.entries(found.metrics).map(([name, value]) => (
              <div key={name} className="pair">
                <dt>{name.replaceAll("_", " ")}</dt>
                <dd className="num">{number(value)}</dd>
              </div>
            ))}
          </dl>
          {check.error && <Trouble error={check.error} />}
          {check.data && (
            <ul className="criteria" role="status">
              {check.data.checks.map((one) => (
                <li key={one.name}>
                  {one.ok ? <Check size={15} color="var(--ok)" role="img" aria-label="as certified" /> : <X size={15} color="var(--bad)" role="img" aria-label="not as certified" />}
                  <span className="mono sm">{one.name}</span>
                  <span className="muted sm">{one.detail}</span>
                </li>
              ))}
            </ul>
          )}
        </Card>
      )}
    </Of>
  );
}
