// YAML, to read or to write; Tab leaves it.
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, foldGutter, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
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
});

export default function Code({ text, label, change }: { text: string; label: string; change?: (text: string) => void }) {
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
          ...(writes ? [highlightActiveLine(), history(), keymap.of([...defaultKeymap, ...historyKeymap])] : [EditorState.readOnly.of(true)]),
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
    if (now !== undefined && now !== text) view.current!.dispatch({ changes: { from: 0, to: now.length, insert: text } });
  }, [text]);
  return <div ref={box} className="well" />;
}
