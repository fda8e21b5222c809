// What was said in a recording, and when: the whole text, and each part with its time where there are several.
export type Heard = { text: string; segments: { start: number; end: number; text: string }[] };

export function Transcript({ heard }: { heard: Heard }) {
  if (!heard.text) return <p className="said">Nothing was heard in this recording.</p>;
  return (
    <>
      <p className="said">{heard.text}</p>
      {heard.segments.length > 1 && (
        <ol className="times" aria-label="Parts with their times">
          {heard.segments.map((one) => (
            <li key={one.start}>
              <span className="num muted">
                {clock(one.start)} to {clock(one.end)}
              </span>
              <span>{one.text}</span>
            </li>
          ))}
        </ol>
      )}
    </>
  );
}

/** A place in a recording: 0:03.5, 12:40.0. */
export function clock(seconds: number): string {
  const tenths = Math.round(10 * seconds);
  return `${Math.floor(tenths / 600)}:${((tenths % 600) / 10).toFixed(1).padStart(4, "0")}`;
}

export const isHeard = (answer: unknown): answer is Heard =>
  typeof answer === "object" && answer !== null && "text" in answer && "segments" in answer && Array.isArray(answer.segments);
