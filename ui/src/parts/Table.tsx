// A table of any length: rows that can't be seen are not in the document, the header stays, keys move. On a narrow screen
// a row can become a card.
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useEffect, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { isPlain, keysOn } from "../shell/keys";
import { useFilled } from "./filling";
import { useNarrow } from "./narrow";

export type Column<T> = { id: string; name: string; width: string; cell: (row: T) => ReactNode; end?: boolean; narrow?: boolean };
type Given<T> = {
  label: string;
  columns: Column<T>[];
  rows: T[];
  id: (row: T) => string;
  open?: (row: T) => void;
  more?: () => void;
  height?: number;
  chosen?: Set<string>;
  choose?: (id: string) => void;
  /** How a row is called when it is selected. */
  named?: (row: T) => string;
  /** A key on a row that the table doesn't know; true when it was taken. */
  onKey?: (key: string, row: T) => boolean;
  card?: { height: number; view: (row: T) => ReactNode };
};
const ROW = 56;
const STEPS: Record<string, number> = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: 8, PageUp: -8, Home: -Infinity, End: Infinity };

export function Table<T>(given: Given<T>) {
  const { label, columns, rows, id, more, height, chosen, choose } = given;
  const box = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState(0);
  const cards = useNarrow() && given.card !== undefined;
  const size = cards ? given.card!.height : ROW;
  // Rows are drawn in a task of their own: with the scrolling, the layout and the painting in one, a frame would take too long.
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => box.current, estimateSize: () => size, overscan: 10, useFlushSync: false });
  const shown = virtual.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  const keys = shown.flatMap((item) => (rows[item.index] === undefined ? [] : [id(rows[item.index]!)]));
  const full = useFilled(keys, ((virtual.scrollOffset ?? 0) + (virtual.scrollRect?.height ?? 0) / 2) / size - (shown[0]?.index ?? 0));
  useEffect(() => {
    if (more && rows.length && last >= rows.length - 30) more();
  }, [last, rows.length, more]);
  useEffect(() => virtual.measure(), [virtual, size]);

  const focus = (place: number) => {
    const next = Math.min(rows.length - 1, Math.max(0, place));
    setAt(next);
    const here = () => box.current?.querySelector<HTMLElement>(`[data-place="${next}"]`);
    virtual.scrollToIndex(next);
    // A row far away is not in the document before the next drawing.
    here()?.focus({ preventScroll: true });
    if (!here()) requestAnimationFrame(() => requestAnimationFrame(() => here()?.focus({ preventScroll: true })));
  };

  // j and k begin in the table also when nothing in it has the focus.
  const begin = useRef(focus);
  begin.current = () => focus(at);
  useEffect(() => {
    const hear = (event: globalThis.KeyboardEvent) => {
      if (event.key !== "j" && event.key !== "k") return;
      if (event.defaultPrevented || !isPlain(event) || document.querySelector("[role=dialog]") || document.querySelector("main .table") !== box.current) return;
      begin.current(0);
    };
    addEventListener("keydown", hear);
    return () => removeEventListener("keydown", hear);
  }, []);

  const press = useRef<(event: KeyboardEvent, place: number) => void>(() => {});
  press.current = (event, place) => {
    const row = rows[place];
    if (row === undefined || event.metaKey || event.ctrlKey || event.altKey) return;
    const step = STEPS[event.key];
    if (event.key.length === 1 && event.key !== " " && !keysOn()) return;
    if (step !== undefined) focus(step === Infinity ? rows.length - 1 : step === -Infinity ? 0 : place + step);
    else if (event.key === "Enter" && given.open && event.target === event.currentTarget) given.open(row);
    else if ((event.key === "x" || (event.key === " " && event.target === event.currentTarget)) && choose) choose(id(row));
    else if (!given.onKey?.(event.key, row)) return;
    event.preventDefault();
  };
  const click = useRef<(target: EventTarget, place: number) => void>(() => {});
  click.current = (target, place) => {
    setAt(place);
    if (given.open && rows[place] !== undefined && !(target as HTMLElement).closest("a,button,input,label,[role=menu]")) given.open(rows[place]);
  };

  const widths = cards ? "minmax(0,1fr)" : [...(choose ? ["24px"] : []), ...columns.map((column) => column.width)].join(" ");
  const first = shown[0]?.index ?? 0;
  const stop = at >= first && at <= last ? at : first;
  return (
    <div className={`table well ${cards ? "cards" : ""}`} ref={box} style={{ maxHeight: height }} role={choose ? "grid" : "table"} aria-label={label} aria-rowcount={rows.length + 1} aria-multiselectable={choose ? true : undefined}>
      <div className={`tr head ${cards ? "sr" : ""}`} role="row" aria-rowindex={1} style={{ gridTemplateColumns: widths }}>
        {choose && !cards && (
          <span role="columnheader">
            <span className="sr">Selected</span>
          </span>
        )}
        {cards ? (
          <span role="columnheader">{label}</span>
        ) : (
          columns.map((column) => (
            <span key={column.id} role="columnheader" className={cls(column)}>
              {column.name}
            </span>
          ))
        )}
      </div>
      <div role="rowgroup" style={{ height: virtual.getTotalSize(), position: "relative" }}>
        {shown.map((item) => {
          const row = rows[item.index];
          if (row === undefined) return null;
          return (
            <Row
              key={id(row)}
              row={row}
              id={id(row)}
              place={item.index}
              start={item.start}
              size={size}
              columns={columns}
              widths={widths}
              card={cards ? given.card!.view : undefined}
              stop={item.index === stop}
              full={full.has(id(row))}
              chosen={chosen?.has(id(row)) ?? false}
              choose={choose}
              name={given.named?.(row) ?? id(row)}
              press={press}
              click={click}
            />
          );
        })}
      </div>
    </div>
  );
}

type Shown<T> = {
  row: T;
  id: string;
  place: number;
  start: number;
  size: number;
  columns: Column<T>[];
  widths: string;
  card?: (row: T) => ReactNode;
  stop: boolean;
  /** Whether it has its content yet. */
  full: boolean;
  chosen: boolean;
  choose?: (id: string) => void;
  name: string;
  press: { current: (event: KeyboardEvent, place: number) => void };
  click: { current: (target: EventTarget, place: number) => void };
};

/** While one scrolls, only rows that come into sight are drawn. */
const Row = memo(function Row<T>({ row, id, place, start, size, columns, widths, card, stop, full, chosen, choose, name, press, click }: Shown<T>) {
  const box = choose && <input type="checkbox" className="tick" checked={chosen} onChange={() => choose(id)} aria-label={`Select ${name}`} tabIndex={stop ? 0 : -1} />;
  const role = choose ? "gridcell" : "cell";
  return (
    <div
      className="tr"
      role="row"
      aria-rowindex={place + 2}
      aria-busy={full ? undefined : true}
      aria-selected={choose ? chosen : undefined}
      data-chosen={chosen || undefined}
      data-place={place}
      tabIndex={stop ? 0 : -1}
      onKeyDown={(event) => press.current(event, place)}
      onClick={(event) => click.current(event.target, place)}
      style={{ gridTemplateColumns: widths, transform: `translateY(${start}px)`, height: size }}
    >
      {!full ? null : card ? (
        <span role={role} className="rowcard">
          {box}
          {card(row)}
        </span>
      ) : (
        <>
          {box && <span role={role}>{box}</span>}
          {columns.map((column) => (
            <span key={column.id} role={role} className={cls(column)}>
              {column.cell(row)}
            </span>
          ))}
        </>
      )}
    </div>
  );
}) as <T>(given: Shown<T>) => ReactNode;

const cls = (column: { end?: boolean; narrow?: boolean }): string => [column.end ? "end" : "", column.narrow ? "hide-s" : ""].join(" ").trim();
