/**
 * A transcript to read and hear: in a notebook, or as one HTML file. The server's page shows the same.
 *
 * @module
 */
export { type Displayable, jupyterDisplay, type MimeBundle } from "../displayable.ts";
export { inspectionPage } from "./inspection_page.ts";
export { player, type PlayerOptions } from "./player.ts";
export { recorder, type RecorderOptions } from "./recorder.ts";
