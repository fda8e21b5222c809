// The vector of a text: how long it is, and how near the texts lie that were asked before.
import { Meter } from "./Meter";

export type Vector = { vector: number[] };
type Asked = { text: string; answer: unknown };

const MOST = 5;

export const isVector = (answer: unknown): answer is Vector =>
  typeof answer === "object" && answer !== null && "vector" in answer && Array.isArray(answer.vector);

/** The cosine of two vectors, from −1 to 1; 0 where they can't be compared. */
export function cosine(one: number[], other: number[]): number {
  if (one.length !== other.length) return 0;
  const dot = one.reduce((sum, value, at) => sum + value * other[at]!, 0);
  const length = Math.sqrt(one.reduce((sum, value) => sum + value * value, 0) * other.reduce((sum, value) => sum + value * value, 0));
  return length ? dot / length : 0;
}

/** before: what was asked earlier; each other text stands once. */
export function Near({ text, answer, before }: { text: string; answer: Vector; before: Asked[] }) {
  const others = new Map<string, number>();
  for (const one of before) if (one.text !== text && isVector(one.answer) && !others.has(one.text)) others.set(one.text, cosine(answer.vector, one.answer.vector));
  const nearest = [...others].sort((a, b) => b[1] - a[1]).slice(0, MOST);
  return (
    <>
      <p>
        A vector of <span className="num">{answer.vector.length}</span> numbers.{" "}
        {nearest.length ? "How near the texts before lie (1 is the same):" : "Ask about another text to see how near the two lie."}
      </p>
      {nearest.length > 0 && (
        <ul className="bars">
          {nearest.map(([other, near]) => (
            <li key={other}>
              <span className="clip" title={other}>
                {other}
              </span>
              <Meter label={`How near: ${other}`} done={Math.max(0, near)} total={1} />
              <span className="num">{near.toFixed(3)}</span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
