// Ask a deployment and see what it says: labels as bars, spans in their text, boxes on their picture, vectors by what lies near, everything else as it comes.
import { useQuery } from "@tanstack/react-query";
import { Download, FileUp, Send } from "lucide-react";
import { useEffect, useState } from "react";
import { Button, FileTrigger, Input, Label, TextArea, TextField } from "react-aria-components";
import { api, told } from "../api/client";
import { Meter } from "./Meter";
import { isVector, Near } from "./Near";
import { Boxes, type Found, Picture } from "./Picture";
import { bytes, duration, percent } from "./say";
import { numbersOf, readNumbers, speaks, takesOf } from "./takes";
import { isHeard, Transcript } from "./Transcript";
import { Of, Trouble } from "./Wait";

type Said = { text: string; answer: unknown; seconds: number; picture?: File };
/** The most bytes of a file that are taken; the server says so too. */
const MOST = 4 * 2 ** 20;

export function Try({ name, kind, task }: { name: string; kind: string; task: string }) {
  const kinds = useQuery({ queryKey: ["kinds"], queryFn: () => told(api.GET("/api/v1/kinds")), staleTime: Infinity });
  return <Of query={kinds}>{(found) => <Asking name={name} medium={takesOf(found.items, kind, task)} numbers={numbersOf(found.items, kind, task)} voiced={speaks(found.items, kind, task)} />}</Of>;
}

/** medium: of the files that are asked about; empty where texts are. numbers: an example of them, where numbers are asked about. voiced: a voice may be named. */
function Asking({ name, medium, numbers, voiced }: { name: string; medium: string; numbers?: string; voiced: boolean }) {
  const [text, setText] = useState(numbers ?? "");
  const [voice, setVoice] = useState("");
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
          : api.POST("/api/v1/deployments/{name}/predict", { ...path, body: { inputs: [numbers !== undefined ? readNumbers(text) : voice.trim() ? { text, voice: voice.trim() } : text] } as never }),
      );
      const asked = file ? file.name : text;
      const picture = medium === "image" ? file : undefined;
      setSaid((before) => [{ text: asked, answer: found.answers[0], seconds: (performance.now() - begun) / 1000, picture }, ...before].slice(0, 20));
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
            <Label>{numbers === undefined ? "Text" : "Observation"}</Label>
            <TextArea
              className="field"
              rows={3}
              onKeyDown={(event) => {
                if (event.key === "Enter" && (event.metaKey || event.ctrlKey) && text.trim()) void ask();
              }}
            />
          </TextField>
          {voiced && (
            <TextField value={voice} onChange={setVoice}>
              <Label>Voice</Label>
              <Input className="field" placeholder="the first one" />
            </TextField>
          )}
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
            {one.picture && <Picture file={one.picture} boxes={isBoxes(one.answer) ? one.answer.boxes : undefined} />}
            <Answer text={one.text} answer={one.answer} before={said.slice(place + 1)} />
          </li>
        ))}
      </ol>
    </div>
  );
}

function Answer({ text, answer, before }: { text: string; answer: unknown; before: Said[] }) {
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
              <span className="num">{percent(probability)}</span>
            </li>
          ))}
        </ul>
      </>
    );
  }
  if (isBoxes(answer)) return <Boxes boxes={answer.boxes} />;
  if (isVector(answer)) return <Near text={text} answer={answer} before={before} />;
  if (isAction(answer)) return <Action answer={answer} />;
  if (isSpeech(answer)) return <Speech text={text} answer={answer} />;
  if (isSpans(answer)) return <Spans text={text} spans={answer.spans} />;
  if (isHeard(answer)) return <Transcript heard={answer} />;
  if (typeof answer === "object" && answer !== null && "text" in answer) return <p className="said">{String(answer.text)}</p>;
  return <pre className="mono sm">{JSON.stringify(answer, null, 2)}</pre>;
}

/** Speech to listen to and to keep. The page may play what it made itself (blob:), so the bytes become that. */
function Speech({ text, answer }: { text: string; answer: { file: string; seconds?: number; finish_reason?: string; dropped?: number } }) {
  const [url, setUrl] = useState("");
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([bytesOf(answer.file)], { type: "audio/wav" }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [answer.file]);
  return (
    <div className="stack">
      {url && <audio controls src={url} aria-label={`Speech: ${text}`} />}
      <div className="actions">
        <a className="btn" href={url} download="speech.wav">
          <Download size={16} aria-hidden />
          Download
        </a>
        <span className="muted sm">
          {answer.seconds !== undefined && `${answer.seconds.toFixed(2)} s, synthetic.`}
          {answer.finish_reason === "length" && " It was cut off: the model did not end by itself."}
          {!!answer.dropped && ` ${answer.dropped} ${answer.dropped === 1 ? "character" : "characters"} can't be spoken.`}
        </span>
      </div>
    </div>
  );
}

/** The bytes of a data: URL in base64. */
function bytesOf(url: string): Uint8Array<ArrayBuffer> {
  const text = atob(url.slice(url.indexOf(",") + 1));
  return Uint8Array.from(text, (one) => one.charCodeAt(0));
}

/** What a policy does, and how it holds the other actions where it may choose among some. */
function Action({ answer }: { answer: Acted }) {
  const scored = Object.entries(answer.probabilities ?? answer.values ?? {});
  return (
    <>
      <p>
        Action <b className="num">{Array.isArray(answer.action) ? answer.action.join(", ") : answer.action}</b>
      </p>
      {scored.length > 0 && (
        <ul className="bars">
          {scored.map(([action, score]) => (
            <li key={action}>
              <span>{action}</span>
              {answer.probabilities ? <Meter label={`Action ${action}`} done={score} total={1} /> : <span className="muted">value</span>}
              <span className="num">{answer.probabilities ? percent(score) : score.toFixed(3)}</span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

type Acted = { action: number | number[]; probabilities?: Record<string, number>; values?: Record<string, number> };
type Span = { label: string; start: number; end: number; score: number };

/** A text with what was found in it: each span underlined, with its label and how sure the model is. Places count characters, not UTF-16 units. */
function Spans({ text, spans }: { text: string; spans: Span[] }) {
  const letters = Array.from(text);
  const between = (start: number, end?: number) => letters.slice(start, end).join("");
  if (spans.length === 0) return <p className="said">Nothing was found in this text.</p>;
  return (
    <p className="said">
      {spans.map(({ label, start, end, score }, place) => (
        <span key={start}>
          {between(spans[place - 1]?.end ?? 0, start)}
          <mark className="span">
            {between(start, end)}
            <span className="what">
              {label} <span className="num">{percent(score)}</span>
            </span>
          </mark>
        </span>
      ))}
      {between(spans[spans.length - 1]!.end)}
    </p>
  );
}

const isLabel = (answer: unknown): answer is { label: string; probabilities: Record<string, number> } =>
  typeof answer === "object" && answer !== null && "label" in answer && "probabilities" in answer;
const isBoxes = (answer: unknown): answer is { boxes: Found[] } => typeof answer === "object" && answer !== null && "boxes" in answer && Array.isArray(answer.boxes);
const isAction = (answer: unknown): answer is Acted => typeof answer === "object" && answer !== null && "action" in answer;
const isSpeech = (answer: unknown): answer is { file: string; seconds?: number; finish_reason?: string; dropped?: number } =>
  typeof answer === "object" && answer !== null && "file" in answer && typeof answer.file === "string" && "seconds" in answer;
const isSpans = (answer: unknown): answer is { spans: Span[] } => typeof answer === "object" && answer !== null && "spans" in answer && Array.isArray(answer.spans);
