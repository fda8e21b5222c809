// The picture that was asked about, with what was found on it drawn where it lies and listed beneath.
import { useEffect, useState } from "react";
import { percent } from "./say";

export type Found = { label: string; score: number; box: [number, number, number, number] };

/** boxes: left, top, width and height in pixels of the picture as it is seen; absent where the model says something else of it. */
export function Picture({ file, boxes }: { file: File; boxes?: Found[] }) {
  const [url, setUrl] = useState("");
  const [size, setSize] = useState<[number, number] | null>(null);
  const [lost, setLost] = useState(false);
  useEffect(() => {
    const made = URL.createObjectURL(file);
    setUrl(made);
    setLost(false);
    return () => URL.revokeObjectURL(made);
  }, [file]);
  if (lost) return <p className="muted sm">This browser can&rsquo;t show {file.name}. The model has read it.</p>;
  if (!url) return null;
  return (
    <div className="picture">
      <img
        src={url}
        alt={boxes ? `${file.name}: ${spoken(boxes)}` : file.name}
        onLoad={({ currentTarget: { naturalWidth, naturalHeight } }) => setSize([naturalWidth, naturalHeight])}
        onError={() => setLost(true)}
      />
      {size && boxes && (
        <svg viewBox={`0 0 ${size[0]} ${size[1]}`} aria-hidden="true">
          {boxes.map(({ box: [x, y, width, height], label }, place) => (
            <g key={place}>
              <rect className="under" {...{ x, y, width, height }} />
              <rect {...{ x, y, width, height }}>
                <title>{label}</title>
              </rect>
            </g>
          ))}
        </svg>
      )}
    </div>
  );
}

export function Boxes({ boxes }: { boxes: Found[] }) {
  if (boxes.length === 0) return <p className="said">Nothing was found on this picture.</p>;
  return (
    <ol className="found">
      {boxes.map(({ label, score, box: [left, top, width, height] }, place) => (
        <li key={place}>
          <b>{label}</b> <span className="num">{percent(score)}</span>{" "}
          <span className="muted sm num">
            {Math.round(width)} × {Math.round(height)} at {Math.round(left)}, {Math.round(top)}
          </span>
        </li>
      ))}
    </ol>
  );
}

const spoken = (boxes: Found[]) => boxes.map(({ label }) => label).join(", ") || "nothing was found";
