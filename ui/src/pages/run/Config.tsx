// The recipe that the run used, every key of it; what was changed for this run stands first.
import { useQuery } from "@tanstack/react-query";
import { Check, Copy, FileCode } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { Button, ToggleButton } from "react-aria-components";
import { api, told, type Schemas } from "../../api/client";
import { Card } from "../../parts/Card";
import { short } from "../../parts/say";
import { Of, Waiting } from "../../parts/Wait";
import { Fork } from "./Fork";

const Code = lazy(() => import("../../parts/Code"));

export const recipeQuery = (run: string) => ({
  queryKey: ["run", run, "recipe"],
  staleTime: Infinity,
  queryFn: () => told(api.GET("/api/v1/runs/{run}/recipe", { params: { path: { run } } })),
});

export default function Config({ run }: { run: Schemas["RunOut"] }) {
  const recipe = useQuery(recipeQuery(run.id));
  const [asWritten, setAsWritten] = useState(false);
  return (
    <Of query={recipe} rows={10}>
      {(found) => {
        const text = asWritten && found.written ? found.written : found.text;
        return (
          <Card
            title="Recipe"
            icon={FileCode}
            aside={
              <div className="actions">
                {found.written && (
                  <ToggleButton className="btn" isSelected={asWritten} onChange={setAsWritten}>
                    As it was written
                  </ToggleButton>
                )}
                <CopyText text={text} />
                <Fork run={run} />
              </div>
            }
          >
            <p className="muted sm flat">
              {asWritten ? "The text that the run began with" : "Every key that the run used, defaults included"} · digest <span className="mono">{short(found.digest)}</span>
            </p>
            {found.changes.length > 0 && (
              <div className="how">
                <p className="sm">Changed for this run:</p>
                <ul className="mono sm">
                  {found.changes.map((one) => (
                    <li key={one.path.join(".")} className="wrap">
                      {one.path.join(".")} = {JSON.stringify(one.value)}
                    </li>
                  ))}
                </ul>
              </div>
            )}
            <div className="editor spaced">
              <Suspense fallback={<Waiting rows={10} />}>
                <Code text={text} label={asWritten ? "Recipe as it was written, YAML" : "Recipe as it ran, YAML"} />
              </Suspense>
            </div>
          </Card>
        );
      }}
    </Of>
  );
}

function CopyText({ text }: { text: string }) {
  const [copied, setCopied] = useState("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(text);
    } catch {
      setCopied("");
    }
  };
  // Browsers give no clipboard to pages that come without TLS; the text can be selected there.
  if (!navigator.clipboard) return null;
  return (
    <Button className="btn" onPress={() => void copy()}>
      {copied === text ? <Check size={16} aria-hidden /> : <Copy size={16} aria-hidden />}
      {copied === text ? "Copied" : "Copy"}
    </Button>
  );
}
