// A row as a model reads it: what it learns of it is marked, by more than a colour; the rest it only reads.
import type { Schemas } from "../api/client";

export function Reading({ pieces }: { pieces: Schemas["PieceOut"][] }) {
  return (
    <figure className="reading">
      <figcaption className="muted sm">
        The first training row as the model reads it. <mark>Underlined</mark> is what it learns; the rest it only reads.
      </figcaption>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls */}
      <pre className="code wrap" dir="auto" tabIndex={0} aria-label="The first training row as the model reads it">
        {pieces.map((one, place) => (one.learned ? <mark key={place}>{one.text}</mark> : <span key={place}>{one.text}</span>))}
      </pre>
    </figure>
  );
}
