import { Link } from "@tanstack/react-router";
import { GitFork } from "lucide-react";
import type { Schemas } from "../../api/client";
import { useMay } from "../../api/session";

/** Begin a new run with what this one used. */
export function Fork({ run }: { run: Schemas["RunOut"] }) {
  const may = useMay();
  if (!may("runs.create")) return null;
  return (
    <Link className="btn" to={"/runs/new" as never} search={{ from: run.id } as never}>
      <GitFork size={16} aria-hidden />
      Fork
    </Link>
  );
}
