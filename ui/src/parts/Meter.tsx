import { ProgressBar } from "react-aria-components";

/** How far something is. */
export function Meter({ label, done, total }: { label: string; done: number; total: number }) {
  return (
    <ProgressBar className="meter" aria-label={label} value={Math.min(done, total)} maxValue={total}>
      {({ percentage }) => (
        <span className="rail">
          <span className="fill" style={{ width: `${percentage}%` }} />
        </span>
      )}
    </ProgressBar>
  );
}
