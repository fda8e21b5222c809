// A new run: a form and its YAML, one object; the server says what is wrong, what is known, and by what it is judged.
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { FileCode, Play, RotateCcw } from "lucide-react";
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Button } from "react-aria-components";
import { api, told, type Schemas } from "../api/client";
import { useDoing } from "../parts/Act";
import { Card } from "../parts/Card";
import { Pill } from "../parts/Pill";
import { Of, Trouble, Waiting } from "../parts/Wait";
import { Begin, Profile } from "./newrun/Begin";
import { keyOf, useBeginning, type Beginning, type Search } from "./newrun/beginning";
import { useEditing } from "./newrun/editing";
import { Faults } from "./newrun/Faults";
import type { Schema } from "./newrun/fields";
import { Form } from "./newrun/Form";
import { Gates } from "./newrun/Gates";
import { Known } from "./newrun/Known";
import { planOf } from "./newrun/plan";
import { newKey, start } from "./newrun/start";
import { useLater } from "./newrun/later";
import { How } from "./newrun/How";

const Code = lazy(() => import("../parts/Code"));
const PATIENCE_MS = 400;

export default function NewRun() {
  const { recipe, template, from, dataset } = useSearch({ strict: false }) as Search;
  const search = { recipe, template, from, dataset };
  const beginning = useBeginning(search);
  const schema = useQuery({ queryKey: ["recipes", "schema"], staleTime: Infinity, queryFn: () => told(api.GET("/api/v1/recipes/schema")) });
  return (
    <Of query={beginning} rows={8}>
      {(found) => <Of query={schema} rows={8}>{(known) => <Editor key={keyOf(search)} search={search} beginning={found} schema={known as Schema} />}</Of>}
    </Of>
  );
}

function Editor({ search, beginning, schema }: { search: Search; beginning: Beginning; schema: Schema }) {
  const place = `new run: ${keyOf(search)}`;
  const [text, setText] = useState(() => sessionStorage.getItem(place) ?? beginning.text);
  const [profile, setProfile] = useState("");
  const [goTo, setGoTo] = useState<{ line: number } | null>(null);
  const go = useNavigate();
  const doing = useDoing();
  const key = useRef(newKey());
  const set = useCallback(
    (next: string) => {
      setText(next);
      sessionStorage.setItem(place, next);
    },
    [place],
  );
  const settled = useLater(text, PATIENCE_MS);
  const checked = useQuery({
    queryKey: ["recipes", "validate", settled, profile],
    placeholderData: (before) => before,
    queryFn: () => told(api.POST("/api/v1/recipes/validate", { body: { text: settled, set: [], ...(profile ? { profile } : {}) } })),
  });
  const current = settled === text && !checked.isPlaceholderData && !checked.isFetching;
  const edit = useEditing(text, set, checked.data?.problems ?? NONE);
  const faults = useMemo(() => edit.problems.filter((one) => one.line > 0), [edit.problems]);
  const plan = useMemo(() => planOf(beginning.base, text, profile), [beginning.base, text, profile]);
  // Another text is another request; the same one, asked again, is the same run.
  useEffect(() => {
    key.current = newKey();
  }, [text, profile]);
  const begin = () =>
    doing.run(async () => {
      const run = await start({ plan, base: beginning.base, text, profile, key: key.current });
      sessionStorage.removeItem(place);
      await go({ to: "/runs/$run" as never, params: { run: run.id } as never });
    });
  // While something is wrong the gates of before stay, so that whoever is typing a threshold keeps her place.
  const lastGates = useRef<Schemas["GateOut"][]>([]);
  if (checked.data?.valid) lastGates.current = checked.data.gates;
  const holds = current && checked.data?.valid === true && !edit.broken;
  const touched = text !== beginning.text;
  return (
    <>
      <div className="runhead">
        <div>
          <h1>New run</h1>
          <div className="meta sm" role="status">
            {edit.problems.length ? <Pill tone="bad">{edit.problems.length === 1 ? "1 fault" : `${edit.problems.length} faults`}</Pill> : holds ? <Pill tone="ok">Ready to start</Pill> : <Pill tone="idle">Checking …</Pill>}
            <span className="muted">Begins with {beginning.said}</span>
          </div>
        </div>
        <div className="actions">
          {touched && (
            <Button className="btn" onPress={() => set(beginning.text)}>
              <RotateCcw size={16} aria-hidden />
              Undo all changes
            </Button>
          )}
          <Button className="btn primary" isPending={doing.busy} isDisabled={!holds} onPress={() => void begin()}>
            <Play size={16} aria-hidden />
            {doing.busy ? "Starting …" : "Start run"}
          </Button>
        </div>
      </div>
      {doing.error !== null && <Trouble error={doing.error} />}
      {checked.error && <Trouble error={checked.error} again={() => void checked.refetch()} />}
      <div className="grid flush newrun">
        <div className="c5 stack">
          <Begin search={search} />
          <Profile data={edit.data} profile={profile} set={setProfile} />
          <Form schema={schema} edit={edit} />
        </div>
        <div className="c7 stack side2">
          <Card title="Recipe" icon={FileCode} aside={<span className="muted sm">the form and this text are one; Tab leaves it</span>}>
            <Suspense fallback={<Waiting rows={10} />}>
              <div className="editor">
                <Code text={text} label="Recipe, YAML" change={set} faults={faults} goTo={goTo} />
              </div>
            </Suspense>
            <Faults problems={edit.problems} goTo={(line) => setGoTo({ line })} />
            <How plan={plan} edit={edit} shipped={beginning.base?.number === 0 ? beginning.base.recipe : undefined} />
          </Card>
          {checked.data?.valid && <Known checked={checked.data} />}
          <Gates gates={lastGates.current} edit={edit} />
        </div>
      </div>
    </>
  );
}

const NONE: never[] = [];
