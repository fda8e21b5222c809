import type { Schemas } from "../../api/client";

/** Return the artifact that a rollback brings back: the last one in the history that is not the present one. */
export function previous(deployment: Pick<Schemas["DeploymentDetail"], "artifact" | "history">): string | undefined {
  return deployment.history.filter((one) => one.artifact !== deployment.artifact).at(-1)?.artifact;
}
