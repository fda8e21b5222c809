// A table of any length: rows that can't be seen are not in the document, the header stays, arrow keys move.
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef, type KeyboardEvent, type ReactNode } from "react";

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
};
const ROW = 56;

export function Table<T>({ label, columns, rows, id, open, more, height = 640, chosen, choose }: Given<T>) {
  const box = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => box.current, estimateSize: () => ROW, overscan: 8 });
  const shown = virtual.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  useEffect(() => {
    if (more && rows.length && last >= rows.length - 10) more();
  }, [last, rows.length, more]);

  function move(event: KeyboardEvent, place: number) {
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      const next = Math.min(rows.length - 1, Math.max(0, place + step));
      virtual.scrollToIndex(next);
      requestAnimationFrame(() => box.current?.querySelector<HTMLElement>(`[data-place="${next}"]`)?.focus());
    } else if (event.key === "Enter" && open && event.target === event.currentTarget) {
      open(rows[place]!);
    } else if (event.key === "x" && choose) {
      choose(id(rows[place]!));
    }
  }

  const widths = columns.map((column) => column.width).join(" ");
  return (
    <div className="table well" ref={box} style={{ maxHeight: height }} role="table" aria-label={label} aria-rowcount={rows.length + 1}>
      <div className="tr head" role="row" aria-rowindex={1} style={{ gridTemplateColumns: widths }}>
        {columns.map((column) => (
          <span key={column.id} role="columnheader" className={cls(column)}>
            {column.name}
          </span>
        ))}
      </div>
      <div role="rowgroup" style={{ height: virtual.getTotalSize(), position: "relative" }}>
        {shown.map((item) => {
          const row = rows[item.index]!;
          return (
            <div
              key={id(row)}
              className="tr"
              role="row"
              aria-rowindex={item.index + 2}
              aria-selected={chosen?.has(id(row)) || undefined}
              data-place={item.index}
              tabIndex={item.index === shown[0]!.index ? 0 : -1}
              onKeyDown={(event) => move(event, item.index)}
              onClick={(event) => {
                if (open && !(event.target as HTMLElement).closest("a,button,input")) open(row);
              }}
              style={{ gridTemplateColumns: widths, transform: `translateY(${item.start}px)`, height: item.size }}
            >
              {columns.map((column) => (
                <span key={column.id} role="cell" className={cls(column)}>
                  {column.cell(row)}
                </span>
              ))}
            </div>
          );
        })}
      </div>
    </div>
  );
}

const cls = (column: { end?: boolean; narrow?: boolean }): string => [column.end ? "end" : "", column.narrow ? "hide-s" : ""].join(" ").trim();
