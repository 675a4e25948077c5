/**
 * How the view looks, in light and dark and on paper-thin phones. All names begin with `q3`, so that it can stand in
 * anybody's page.
 *
 * @module
 */

/** CSS. */
export const VIEW_CSS: string = String.raw`
.q3v {
  --q3-sheet: light-dark(#ffffff, #1f2226);
  --q3-ink: light-dark(#1c1e21, #e9eaec);
  --q3-quiet: light-dark(#5b616b, #a2a9b4);
  --q3-line: light-dark(#d4d6da, #3a3f46);
  --q3-accent: light-dark(#0b5cad, #7ab8ff);
  --q3-wave: light-dark(#5b7fa6, #7d9cc0);
  --q3-speech: light-dark(#00785a, #2fbf94);
  --q3-doubt: light-dark(#a63c00, #ff9d57);
  --q3-look: light-dark(rgb(213 94 0 / .75), rgb(255 176 84 / .75));
  --q3-unsure: 230 159 0;
  color: var(--q3-ink);
  background: var(--q3-sheet);
  font: 1rem/1.5 system-ui, sans-serif;
  min-width: 0;
}
:root:has([data-jp-theme-light=true]) .q3v, .vscode-light .q3v { color-scheme: light; }
:root:has([data-jp-theme-light=false]) .q3v, .vscode-dark .q3v { color-scheme: dark; }
.q3v, .q3v * { box-sizing: border-box; }
.q3v [hidden] { display: none !important; }
.q3v button, .q3v select {
  font: inherit;
  font-size: .9rem;
  color: inherit;
  background: var(--q3-sheet);
  border: 1px solid var(--q3-line);
  border-radius: .5rem;
  padding: .2rem .7rem;
  cursor: pointer;
}
.q3v button:hover { border-color: var(--q3-accent); }
.q3v button:disabled { opacity: .6; cursor: default; }
.q3v :focus-visible { outline: 3px solid var(--q3-accent); outline-offset: 2px; }
.q3-controls, .q3-files { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; margin: .6rem 0; }
.q3-play { min-width: 5rem; }
.q3-time { color: var(--q3-quiet); font-variant-numeric: tabular-nums; }
.q3-picture { margin: .5rem 0; border-radius: .25rem; }
.q3-picture canvas { display: block; width: 100%; cursor: crosshair; touch-action: manipulation; }
.q3-whole { margin-bottom: .4rem; }
.q3-front { position: relative; overflow: hidden; }
.q3-cursor {
  position: absolute;
  top: 0; bottom: 0; left: 0;
  width: 2px;
  background: var(--q3-doubt);
  pointer-events: none;
}
.q3v .q3-note, .q3v .q3-legend, .q3-quiet { margin: .4rem 0; color: var(--q3-quiet); font-size: .9rem; }
.q3-note:empty, .q3-place:empty { display: none; }
.q3-why { border-left: 4px solid var(--q3-doubt); padding-left: .8rem; margin: .6rem 0; }
.q3-why h3 { margin: 0; font-size: 1rem; }
.q3-why ul { margin: .2rem 0; padding: 0; list-style: none; }
.q3-why li { margin: .3rem 0; overflow-wrap: anywhere; }
.q3v .q3-text {
  position: relative;
  margin: .6rem 0;
  padding: .2rem;
  max-height: max(12rem, 60vh);
  overflow: auto;
  font-size: 1.1rem;
  line-height: 1.8;
  white-space: pre-wrap;
  overflow-wrap: anywhere;
}
.q3-chunk { display: block; padding-left: .7rem; border-left: 2px solid var(--q3-line); margin-bottom: .5rem; }
.q3-chunk::before { content: attr(data-at); display: block; color: var(--q3-quiet); font-size: .8rem; line-height: 1.2; }
.q3-doubted { border-left: 4px double var(--q3-doubt); }
.q3-doubted::before { content: attr(data-at) " ?"; color: var(--q3-doubt); }
.q3-word { cursor: pointer; border-radius: 3px; scroll-margin: 2rem; }
.q3-word:hover { outline: 1px solid var(--q3-accent); }
.q3-c1, .q3-c2, .q3-c3 { text-underline-offset: .2em; text-decoration: underline 2px dotted var(--q3-doubt); }
.q3-c1 { background: rgb(var(--q3-unsure) / .12); text-decoration-thickness: 1px; }
.q3-c2 { background: rgb(var(--q3-unsure) / .24); text-decoration-style: dashed; }
.q3-c3 { background: rgb(var(--q3-unsure) / .38); text-decoration-style: wavy; text-decoration-thickness: 1px; }
.q3-now { background: var(--q3-accent); color: var(--q3-sheet); }
.q3-chosen { box-shadow: 0 0 0 2px var(--q3-accent); }
.q3-legend span { margin-right: .4rem; white-space: nowrap; color: var(--q3-ink); }
.q3-key-speech, .q3-key-look, .q3-key-doubt { display: inline-block; width: 1.6em; height: 4px; vertical-align: middle; background: var(--q3-speech); }
.q3-key-look { height: 1em; background: var(--q3-look); }
.q3-key-doubt {
  height: 1em;
  background: repeating-linear-gradient(135deg, var(--q3-doubt) 0 1px, transparent 1px 5px);
}
.q3-place { border: 1px solid var(--q3-line); border-radius: .5rem; padding: .4rem .7rem; margin: .5rem 0; font-size: .9rem; overflow-wrap: anywhere; }
.q3-place p { margin: 0; }
.q3v .q3-token { margin: .4rem 0 0; }
.q3-token span { margin-right: .8rem; white-space: nowrap; }
`;
