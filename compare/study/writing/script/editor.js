// The editor: CodeMirror with Python, in the colours of the page.

import { autocompletion } from "@codemirror/autocomplete";
import { indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { HighlightStyle, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { EditorState, Prec } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { basicSetup } from "codemirror";

import { textOf } from "./work.js";

const COLOURS = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword], color: "var(--accent)" },
  { tag: [tags.string, tags.docString], color: "var(--soft)" },
  { tag: tags.comment, color: "var(--soft)", fontStyle: "italic" },
  { tag: [tags.number, tags.bool], color: "var(--focus)" },
  { tag: tags.function(tags.definition(tags.variableName)), fontWeight: "bold" },
]);

const LOOK = EditorView.theme({
  "&": { backgroundColor: "var(--paper)", color: "var(--ink)", fontSize: "0.86rem" },
  ".cm-content, .cm-gutters": { fontFamily: "var(--mono)" },
  ".cm-content": { caretColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "var(--raised)", color: "var(--soft)", borderColor: "var(--line)" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--raised)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
});

/**
 * Make an editor; `changed` is called with its text, `run` for Ctrl-Enter.
 * @param {HTMLElement} parent
 * @param {(text: string) => void} changed
 * @param {() => void} run
 */
export function makeEditor(parent, changed, run) {
  const runAndStop = () => {
    run();
    return true;
  };
  const extensions = [
    Prec.highest(keymap.of([{ key: "Mod-Enter", run: runAndStop }])),
    basicSetup,
    autocompletion({ activateOnTyping: false }), // Enter begins a line, and never takes a proposal
    keymap.of([indentWithTab]),
    python(),
    indentUnit.of("    "),
    syntaxHighlighting(COLOURS),
    LOOK,
    EditorView.cspNonce.of("editor"),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ "aria-label": "Your file, in Python", tabindex: "0" }),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) changed(update.state.doc.toString());
    }),
  ];
  const view = new EditorView({ parent, extensions });
  return {
    text: () => view.state.doc.toString(),
    /**
     * Open a text: nothing that was in the editor before can be undone into it.
     * @param {string} doc
     */
    open(doc) {
      view.setState(EditorState.create({ doc, extensions }));
      view.scrollDOM.scrollTop = 0;
    },
    focus: () => view.focus(),
    /**
     * Show a function, with the cursor behind its last line: where a learner writes.
     * @param {string} name
     */
    show(name) {
      const written = textOf(name, view.state.doc.toString());
      if (!written) return;
      const at = view.state.doc.toString().indexOf(written);
      view.dispatch({
        selection: { anchor: at + written.length },
        effects: EditorView.scrollIntoView(at + written.length, { y: "end", yMargin: 60 }),
      });
    },
  };
}
