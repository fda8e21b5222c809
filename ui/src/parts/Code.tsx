// YAML, to read or to write; Tab leaves it. Faults stand under their line, with a button for what was likely meant.
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, foldGutter, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, setDiagnostics, type Diagnostic } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useRef } from "react";

const colours = HighlightStyle.define([
  { tag: [tags.definition(tags.propertyName), tags.propertyName, tags.attributeName], color: "var(--c1)" },
  { tag: [tags.content, tags.string, tags.special(tags.string)], color: "var(--c3)" },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword], color: "var(--c2)" },
  { tag: tags.comment, color: "var(--text-muted)", fontStyle: "italic" },
]);
const theme = EditorView.theme({
  ".cm-scroller": { fontFamily: "var(--mono)", fontSize: ".9rem", lineHeight: "1.6", fontWeight: "450" },
  ".cm-gutters": { background: "transparent", color: "var(--text-muted)", border: "none" },
  ".cm-activeLine": { background: "color-mix(in srgb, var(--accent) 10%, transparent)" },
  ".cm-activeLineGutter": { background: "transparent" },
  ".cm-cursor": { borderLeftColor: "var(--text-primary)" },
  "&.cm-focused": { outline: "3px solid var(--focus)", outlineOffset: "2px" },
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--bad)", textUnderlineOffset: "3px" },
  ".cm-tooltip": { background: "var(--secondary-bg)", color: "var(--text-primary)", border: "1px solid var(--edge-ui)", borderRadius: "10px" },
  ".cm-diagnostic-error": { borderLeft: "4px solid var(--bad)", font: "400 .875rem/1.5 var(--sans)", padding: "8px 10px", maxWidth: "460px" },
  ".cm-diagnosticAction": { font: "600 .8125rem/1 var(--sans)", background: "var(--accent)", color: "var(--on-accent)", borderRadius: "8px", padding: "7px 10px", margin: "0 0 0 8px" },
});

/** One fault of the text. line: from 1; column: from 1, or 0 for the whole line; fix: what a button would do. */
export type Fault = { line: number; column: number; message: string; fix?: { name: string; apply: () => void } };
type Given = {
  text: string;
  label: string;
  change?: (text: string) => void;
  faults?: Fault[];
  /** The line to go to; a new object goes there again. */
  goTo?: { line: number } | null;
};
const NO_FAULTS: Fault[] = [];

export default function Code({ text, label, change, faults = NO_FAULTS, goTo = null }: Given) {
  const box = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const tell = useRef(change);
  tell.current = change;
  const writes = change !== undefined;
  useEffect(() => {
    const made = new EditorView({
      parent: box.current!,
      state: EditorState.create({
        doc: text,
        extensions: [
          lineNumbers(),
          foldGutter(),
          bracketMatching(),
          ...(writes ? [lintGutter(), highlightActiveLine(), history(), keymap.of([...defaultKeymap, ...historyKeymap])] : [EditorState.readOnly.of(true)]),
          syntaxHighlighting(colours),
          yaml(),
          theme,
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
          EditorView.updateListener.of((update) => update.docChanged && tell.current?.(update.state.doc.toString())),
        ],
      }),
    });
    view.current = made;
    void document.fonts.ready.then(() => made.requestMeasure());
    return () => made.destroy();
    // A new text from outside is put in below; a new editor would lose the cursor.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [label, writes]);
  useEffect(() => {
    const now = view.current?.state.doc.toString();
    if (now !== undefined && now !== text) view.current!.dispatch({ changes: changed(now, text) });
  }, [text]);
  useEffect(() => {
    const made = view.current;
    if (made && writes) made.dispatch(setDiagnostics(made.state, faults.map((fault) => marked(made.state, fault))));
  }, [faults, text, writes]);
  useEffect(() => {
    const made = view.current;
    if (!made || !goTo) return;
    const line = made.state.doc.line(Math.min(Math.max(1, goTo.line), made.state.doc.lines));
    made.dispatch({ selection: { anchor: line.from + line.text.search(/\S|$/) }, effects: EditorView.scrollIntoView(line.from, { y: "center" }) });
    made.focus();
  }, [goTo]);
  return <div ref={box} className="well" />;
}

/** Only what differs, so that the cursor stays where it is. */
function changed(before: string, after: string): { from: number; to: number; insert: string } {
  let from = 0;
  while (from < before.length && from < after.length && before[from] === after[from]) from++;
  let same = 0;
  while (same < Math.min(before.length, after.length) - from && before[before.length - 1 - same] === after[after.length - 1 - same]) same++;
  return { from, to: before.length - same, insert: after.slice(from, after.length - same) };
}

function marked(state: EditorState, { line, column, message, fix }: Fault): Diagnostic {
  const found = state.doc.line(Math.min(Math.max(1, line), state.doc.lines));
  const from = column > 0 ? Math.min(found.from + column - 1, found.to) : found.from + found.text.search(/\S|$/);
  const word = /^[^\s:,{}[\]]+/.exec(found.text.slice(from - found.from))?.[0].length ?? 0;
  const actions = fix && [{ name: fix.name, apply: fix.apply }];
  return { from, to: Math.max(from, Math.min(found.to, from + Math.max(1, word))), severity: "error", message, actions };
}
