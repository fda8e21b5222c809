// A long id or digest: its beginning and end, all of it while the pointer or the focus is there, copied by a press.
import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";
import { Button, Tooltip, TooltipTrigger } from "react-aria-components";
import { short } from "./say";

const SAID_MS = 2_000;

export function Long({ value, what }: { value: string; what: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), SAID_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  if (!value) return <span>–</span>;
  return (
    <TooltipTrigger delay={150} closeDelay={100}>
      <Button className="long mono sm" aria-label={`Copy ${what} ${short(value)}`} onPress={() => void navigator.clipboard.writeText(value).then(() => setCopied(true))}>
        <span>{short(value)}</span>
        {copied ? <Check size={13} aria-hidden /> : <Copy size={13} aria-hidden />}
        <span className="sr" role="status">
          {copied ? `${what} copied` : ""}
        </span>
      </Button>
      <Tooltip className="tip mono sm wrap">{value}</Tooltip>
    </TooltipTrigger>
  );
}
