// Where the result comes from, and what was signed about it: the ledger's entries, and what the certificate states.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { BadgeCheck, Fingerprint, Link2, Server } from "lucide-react";
import { api, told, type Schemas } from "../../api/client";
import { meQuery, useMay } from "../../api/session";
import { Card } from "../../parts/Card";
import { Pill } from "../../parts/Pill";
import { duration, on, short } from "../../parts/say";
import { Empty, Of } from "../../parts/Wait";
import { readCertificate, type Certificate } from "./certificate";
import { recipeQuery } from "./Config";

type Run = Schemas["RunOut"];
type Entry = Schemas["EntryOut"];
const WORDS: Record<string, string> = {
  "run.declared": "Recipe, data and gates declared",
  "run.judged": "Judged",
  "run.refused": "Refused",
  "run.reviewed": "Reviewed by a person",
  "artifact.certified": "Artifact certified",
};

export default function Provenance({ run }: { run: Run }) {
  const certificate = useQuery({
    queryKey: ["certificate", run.artifact],
    enabled: Boolean(run.artifact),
    staleTime: Infinity,
    queryFn: async () => readCertificate(await told(api.GET("/api/v1/artifacts/{digest}/certificate", { params: { path: { digest: run.artifact } } }))),
  });
  return (
    <div className="grid loose">
      <Origin run={run} />
      <Signed run={run} />
      {run.artifact ? (
        <Of query={certificate}>{(found) => <States found={found} digest={run.artifact} />}</Of>
      ) : (
        <Card title="Certificate" icon={BadgeCheck} className="c12">
          <Empty icon={BadgeCheck} title="There is no certificate yet">
            <p className="muted">What every gate has let pass is published with one.</p>
          </Empty>
        </Card>
      )}
    </div>
  );
}

function Origin({ run }: { run: Run }) {
  const recipe = useQuery(recipeQuery(run.id));
  const me = useQuery(meQuery);
  const may = useMay();
  const users = useQuery({ queryKey: ["users", "all"], enabled: may("users.list"), queryFn: () => told(api.GET("/api/v1/users", { params: { query: { limit: 200 } } })) });
  const asker = me.data?.user === run.owner ? "you" : (users.data?.items.find((one) => one.id === run.owner)?.name ?? run.owner);
  return (
    <Card title="Origin" icon={Fingerprint} className="c5">
      <dl className="facts">
        <dt>Run</dt>
        <dd className="mono sm wrap">{run.id}</dd>
        <dt>Asked by</dt>
        <dd>{asker}</dd>
        <dt>Asked</dt>
        <dd>{on(run.created)}</dd>
        <dt>Attempts</dt>
        <dd className="num">{run.attempt}</dd>
        <dt>Recipe</dt>
        <dd>
          {run.recipe} <span className="mono sm muted">{recipe.data && short(recipe.data.digest)}</span>
        </dd>
        {run.artifact && (
          <>
            <dt>Artifact</dt>
            <dd className="mono sm wrap">{run.artifact}</dd>
          </>
        )}
      </dl>
    </Card>
  );
}

async function entriesOf(subject: string): Promise<Entry[]> {
  const found: Entry[] = [];
  let start: number | null = 0;
  while (start !== null) {
    const page: Schemas["EntryList"] = await told(api.GET("/api/v1/ledger/entries", { params: { query: { subject, start, limit: 200 } } }));
    found.push(...page.items);
    start = page.next;
  }
  return found;
}

function Signed({ run }: { run: Run }) {
  const entries = useQuery({
    queryKey: ["run", run.id, "entries", run.stage, run.state],
    placeholderData: (before) => before,
    queryFn: async () => (await Promise.all([run.id, run.artifact].filter(Boolean).map(entriesOf))).flat().sort((a, b) => a.index - b.index),
  });
  return (
    <Card title="In the ledger" icon={Link2} className="c7">
      <Of query={entries}>
        {(found) =>
          found.length ? (
            <ol className="ledger tall">
              {found.map((one) => (
                <li key={one.index}>
                  <span className="ic" aria-hidden>
                    <Link2 size={15} />
                  </span>
                  <span className="t">
                    {WORDS[one.type] ?? one.type}
                    {typeof one.body.stage === "string" && `: ${one.body.stage}`}
                    {typeof one.body.decision === "string" && <> · {one.body.decision}</>}
                  </span>
                  <Link to={"/ledger" as never} search={{ entry: one.index } as never} className="num sm">
                    entry {one.index}
                  </Link>
                  <span className="h">{proof(one)}</span>
                  <time className="muted sm num" dateTime={one.time}>
                    {on(one.time)}
                  </time>
                </li>
              ))}
            </ol>
          ) : (
            <Empty icon={Link2} title="Nothing is signed yet">
              <p className="muted">The first entry is made when the run has read its data.</p>
            </Empty>
          )
        }
      </Of>
    </Card>
  );
}

const proof = ({ body }: Entry): string => String(body.verdict ?? body.recipe ?? body.statement ?? body.report ?? "");

function States({ found, digest }: { found: Certificate; digest: string }) {
  const { predicate: said } = found;
  return (
    <>
      <Card
        title="Certificate"
        icon={BadgeCheck}
        className="c7"
        aside={
          <a className="btn" href={`/api/v1/artifacts/${digest}/certificate`} download="certificate.json">
            Download
          </a>
        }
      >
        <dl className="facts">
          <dt>Gates</dt>
          <dd className="pills">
            {Object.entries(said.verdicts ?? {}).map(([stage, one]) => (
              <Pill key={stage} tone={one.decision === "advance" ? "ok" : one.decision === "review" ? "warn" : "bad"}>
                {stage} · {one.decision}
              </Pill>
            ))}
          </dd>
          {said.base && (
            <>
              <dt>Base model</dt>
              <dd className="wrap">
                {said.base.name} {said.base.revision && <span className="mono sm">@ {said.base.revision.slice(0, 10)}</span>} <span className="mono sm muted">{short(said.base.digest)}</span>
              </dd>
            </>
          )}
          {said.data?.sources.map((one, place) => (
            <div key={place} className="pair">
              <dt>Data</dt>
              <dd className="wrap">
                {one.name} · {one.license} <span className="mono sm muted">{short(one.digest)}</span>
              </dd>
            </div>
          ))}
          {said.data && (
            <>
              <dt>Split</dt>
              <dd>
                <span className="mono sm">{short(said.data.split)}</span> · test part scored {said.data.times_scored === 1 ? "once" : `${said.data.times_scored} times`} here
              </dd>
            </>
          )}
          {said.recipe && (
            <>
              <dt>Recipe and gates</dt>
              <dd className="mono sm">
                {short(said.recipe.digest)} · {short(said.recipe.gates)}
              </dd>
            </>
          )}
          <dt>Judged by</dt>
          <dd>{said.judged_by === "home" ? "this home" : (said.judged_by ?? "–")}</dd>
          <dt>Trained by</dt>
          <dd>{said.trained_by === "home" ? "this home" : (said.trained_by ?? "–")}</dd>
          {said.cost && (
            <>
              <dt>Cost</dt>
              <dd className="num">
                {duration(said.cost.seconds)} in {said.cost.attempts === 1 ? "one attempt" : `${said.cost.attempts} attempts`}
              </dd>
            </>
          )}
          <dt>Files</dt>
          <dd className="num">{Math.max(0, found.subjects.length - 1)}</dd>
          <dt>Ledger entry</dt>
          <dd>
            <Link to={"/ledger" as never} search={{ entry: found.index } as never}>
              {found.index}
            </Link>
          </dd>
        </dl>
      </Card>
      <Card title="Environment" icon={Server} className="c5">
        <dl className="facts">
          {Object.entries(said.environment ?? {}).map(([name, value]) => (
            <div key={name} className="pair">
              <dt>{name.replaceAll("_", " ")}</dt>
              <dd className="wrap">{String(value)}</dd>
            </div>
          ))}
        </dl>
      </Card>
    </>
  );
}
