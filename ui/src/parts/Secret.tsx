// What is shown once: a password or a key, with a button that says when it has been copied.
import { Check, Copy } from "lucide-react";
import { useState } from "react";
import { Button } from "react-aria-components";

export function Secret({ label, value, done }: { label: string; value: string; done: () => void }) {
  const [copied, setCopied] = useState<boolean | null>(null);
  const copy = () =>
    navigator.clipboard.writeText(value).then(
      () => setCopied(true),
      () => setCopied(false),
    );
  return (
    <>
      <pre className="well mono wrap pad" aria-label={label} tabIndex={0}>
        {value}
      </pre>
      {copied === false && <p className="fault">The browser doesn't let this page copy. Select the text and copy it by hand.</p>}
      <div className="actions">
        <Button className="btn" onPress={() => void copy()}>
          {copied ? <Check size={16} aria-hidden /> : <Copy size={16} aria-hidden />}
          <span role="status">{copied ? "Copied" : "Copy"}</span>
        </Button>
        <Button className="btn primary" onPress={done}>
          I have kept it
        </Button>
      </div>
    </>
  );
}
