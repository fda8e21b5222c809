// Ask a deployment and see what it says: labels as bars, spans in their text, everything else as it comes.
import { useQuery } from "@tanstack/react-query";
import { FileUp, Send } from "lucide-react";
import { useState } from "react";
import { Button, FileTrigger, Label, TextArea, TextField } from "react-aria-components";
import { api, told } from "../api/client";
import { Meter } from "./Meter";
import { bytes, duration, number } from "./say";
import { takesOf } from "./takes";
import { Of, Trouble } from "./Wait";

type Said = { text: string; answer: unknown; seconds: number };
/** The most bytes of a file that are taken; the server says so too. */
const MOST = 4 * 2 ** 20;

export function Try({ name, kind, task }: { name: string; kind: string; task: string }) {
  const kinds = useQuery({ queryKey: ["kinds"], queryFn: () => told(api.GET("/api/v1/kinds")), staleTime: Infinity });
  return <Of query={kinds}>{(found) => <Asking name={name} medium={takesOf(found.items, kind, task)} />}</Of>;
}

/** medium: of the files that are asked about; empty where texts are. */
function Asking({ name, medium }: { name: string; medium: string }) {
  const [text, setText] = useState("");
  const [said, setSaid] = useState<Said[]>([]);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const path = { params: { path: { name } } };
  const ask = async (file?: File) => {
    if (file && file.size > MOST) return setError(new Error(`${file.name} has ${bytes(file.size)}; at most ${bytes(MOST)} are taken. Choose a shorter one.`));
    setBusy(true);
    setError(null);
    const begun = performance.now();
    try {
      const found = await told(
        file
          ? api.POST("/api/v1/deployments/{name}/predict/file", { ...path, body: file as never, bodySerializer: (body: unknown) => body as File, headers: { "Content-Type": "application/octet-stream" } })
          : api.POST("/api/v1/deployments/{name}/predict", { ...path, body: { inputs: [text] } as never }),
      );
      const asked = file ? file.name : text;
      setSaid((before) => [{ text: asked, answer: found.answers[0], seconds: (performance.now() - begun) / 1000 }, ...before].slice(0, 20));
    } catch (refused) {
      setError(refused);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className="stack">
      {medium ? (
        <div className="actions">
          <FileTrigger acceptedFileTypes={medium === "sound" ? ["audio/*"] : ["image/*"]} onSelect={(files) => files?.[0] && void ask(files[0])}>
            <Button className="btn primary" isPending={busy}>
              <FileUp size={16} aria-hidden />
              {busy ? "Asking …" : medium === "sound" ? "Choose a sound file" : "Choose an image"}
            </Button>
          </FileTrigger>
          <span className="muted sm">At most {bytes(MOST)}. It is stored nowhere.</span>
        </div>
      ) : (
        <>
          <TextField value={text} onChange={setText}>
            <Label>Text</Label>
            <TextArea
              className="field"
              rows={3}
              onKeyDown={(event) => {
                if (event.key === "Enter" && (event.metaKey || event.ctrlKey) && text.trim()) void ask();
              }}
            />
          </TextField>
          <div className="actions">
            <Button className="btn primary" isPending={busy} isDisabled={!text.trim()} onPress={() => void ask()}>
              <Send size={16} aria-hidden />
              {busy ? "Asking …" : "Ask"}
            </Button>
          </div>
        </>
      )}
      {error !== null && <Trouble error={error} />}
      <ol className="answers" aria-live="polite">
        {said.map((one, place) => (
          <li key={said.length - place} className="well">
            <p className="muted sm">
              {one.text} <span className="num">· {one.seconds < 1 ? `${Math.round(1000 * one.seconds)} ms` : duration(one.seconds)}</span>
            </p>
            <Answer answer={one.answer} />
          </li>
        ))}
      </ol>
    </div>
  );
}

function Answer({ answer }: { answer: unknown }) {
  if (isLabel(answer)) {
    const best = Object.entries(answer.probabilities).sort((a, b) => b[1] - a[1]).slice(0, 5);
    return (
      <>
        <p>
          <b>{answer.label}</b>
        </p>
        <ul className="bars">
          {best.map(([label, probability]) => (
            <li key={label}>
              <span>{label}</span>
              <Meter label={label} done={probability} total={1} />
              <span className="num">{number(probability)}</span>
            </li>
          ))}
        </ul>
      </>
    );
  }
  if (typeof answer === "object" && answer !== null && "text" in answer) return <p className="said">{String(answer.text)}</p>;
  return <pre className="mono sm">{JSON.stringify(answer, null, 2)}</pre>;
}

const isLabel = (answer: unknown): answer is { label: string; probabilities: Record<string, number> } =>
  typeof answer === "object" && answer !== null && "label" in answer && "probabilities" in answer;
