/**
 * The page: drop a recording or speak.
 *
 * @module
 */
import { LANGUAGES } from "../../text/languages.ts";

/** What the page has to know. */
export interface PageOptions {
  /** Whether it asks for an API key. */
  needsKey: boolean;
}

const LANGUAGE_OPTIONS = LANGUAGES.map(({ name, code }) => `<option value="${code}">${name}</option>`).join(
  "\n          ",
);

/** The document. */
export function pageHTML({ needsKey }: PageOptions): string {
  const key = needsKey
    ? `<label>API key
        <input id="key" type="password" autocomplete="current-password" spellcheck="false" required>
      </label>`
    : "";
  return `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>Speech to text</title>
  <link rel="icon" href="data:,">
  <link rel="stylesheet" href="page.css">
  <script type="module" src="page.js"></script>
</head>
<body>
  <main>
    <header>
      <h1>Speech to text</h1>
      <p>Recordings are transcribed by the machine that serves this page and are not kept.</p>
    </header>
    <section id="source" aria-label="Recording">
      <div id="drop">
        <p><strong>Drop recordings here</strong></p>
        <p class="quiet">wav, flac, mp3, m4a, ogg, opus, webm, mp4</p>
        <div class="buttons">
          <button id="choose" type="button">Choose files</button>
          <button id="record" type="button" aria-pressed="false">
            <span class="dot" aria-hidden="true"></span><span id="record-label">Speak</span>
          </button>
          <button id="stop" type="button" hidden>Cancel</button>
        </div>
        <input id="file" type="file" accept="audio/*,video/mp4,video/webm,.opus,.flac,.ogg,.m4a,.mpga" multiple hidden>
        <meter id="level" min="0" max="1" value="0" aria-label="Input level" hidden></meter>
      </div>
    </section>
    <section id="options" aria-label="Options">
      <label>Language
        <select id="language">
          <option value="">Detect</option>
          ${LANGUAGE_OPTIONS}
        </select>
      </label>
      <label class="wide">Names and terms to expect
        <input id="prompt" type="text" autocomplete="off" placeholder="optional">
      </label>
      <label hidden>Microphone
        <select id="device"></select>
      </label>
      ${key}
    </section>
    <p id="status" role="status"></p>
    <p id="said" class="unseen" role="log"></p>
    <section id="results" aria-label="Texts"></section>
  </main>
  <template id="result">
    <article>
      <header>
        <h2></h2>
        <div class="buttons">
          <button class="copy" type="button">Copy</button>
          <button class="save" type="button">Save</button>
          <button class="subtitles" type="button" hidden>Save SRT</button>
        </div>
      </header>
      <p class="text" lang="" dir="auto"></p>
      <p class="remark quiet" hidden></p>
    </article>
  </template>
</body>
</html>
`;
}
