/**
 * The page's style sheet, for light and dark.
 *
 * @module
 */

/** CSS. */
export const PAGE_CSS = `
:root {
  color-scheme: light dark;
  --ground: light-dark(#f6f6f4, #16181b);
  --sheet: light-dark(#ffffff, #1f2226);
  --ink: light-dark(#1c1e21, #e9eaec);
  --quiet: light-dark(#5b616b, #a2a9b4);
  --line: light-dark(#d4d6da, #3a3f46);
  --accent: light-dark(#0b5cad, #7ab8ff);
  --on-accent: light-dark(#ffffff, #0d1b2a);
  --alarm: light-dark(#b3261e, #ff8a80);
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body {
  margin: 0;
  background: var(--ground);
  color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif;
}
main { max-width: 46rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { margin: 0; font-size: 1.6rem; line-height: 1.2; }
header p { margin: .4rem 0 1.5rem; color: var(--quiet); }
#drop {
  padding: 1.75rem 1rem;
  border: 2px dashed var(--line);
  border-radius: .75rem;
  background: var(--sheet);
  text-align: center;
}
#drop p { margin: 0; }
#drop .buttons { justify-content: center; margin-top: 1rem; }
#drop.over { border-color: var(--accent); border-style: solid; }
.quiet { color: var(--quiet); font-size: .9rem; }
.buttons { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; }
button, select, input[type=text], input[type=password] {
  font: inherit;
  color: inherit;
  border: 1px solid var(--line);
  border-radius: .5rem;
  background: var(--sheet);
  padding: .45rem .9rem;
}
button { cursor: pointer; }
button:hover { border-color: var(--accent); }
button:disabled { opacity: .5; cursor: default; }
#choose { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.dot {
  display: inline-block;
  width: .7em; height: .7em;
  margin-right: .5em;
  border-radius: 50%;
  background: var(--alarm);
}
#record[aria-pressed=true] { border-color: var(--alarm); }
#record[aria-pressed=true] .dot { border-radius: 2px; animation: pulse 1.2s ease-in-out infinite; }
@keyframes pulse { 50% { opacity: .35; } }
@media (prefers-reduced-motion: reduce) { #record[aria-pressed=true] .dot { animation: none; } }
meter { width: min(20rem, 90%); margin-top: 1rem; }
#options { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1rem 0; }
#options label { display: flex; flex-direction: column; gap: .25rem; font-size: .9rem; color: var(--quiet); }
#options select, #options input { color: var(--ink); font-size: 1rem; width: 100%; }
#options .wide { flex: 1 1 16rem; }
#status { min-height: 1.5em; margin: 0 0 .5rem; color: var(--quiet); }
#status.bad { color: var(--alarm); }
article {
  margin: 0 0 1rem;
  padding: 1rem 1.1rem;
  border: 1px solid var(--line);
  border-radius: .75rem;
  background: var(--sheet);
}
article header { display: flex; flex-wrap: wrap; gap: .5rem 1rem; justify-content: space-between; align-items: center; }
article h2 { margin: 0; font-size: 1rem; overflow-wrap: anywhere; }
article button { padding: .2rem .7rem; font-size: .9rem; }
article .text { margin: .6rem 0 0; font-size: 1.1rem; white-space: pre-wrap; overflow-wrap: anywhere; }
article .remark { margin: .5rem 0 0; }
article .tentative { color: var(--quiet); font-style: italic; }
.unseen { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); }
article[aria-busy=true] .text::after { content: " \\2026"; color: var(--quiet); }
`;
