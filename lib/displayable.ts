/**
 * What Jupyter on the Deno kernel shows as more than its fields.
 *
 * @module
 */

/** The key under which Deno's Jupyter kernel looks for a method that gives a MIME bundle. */
export const jupyterDisplay: unique symbol = Symbol.for("Jupyter.display");

/** Contents by MIME type; binary ones in base64. */
export type MimeBundle = Record<string, string>;

/** Something that a notebook shows as more than its fields. */
export interface Displayable {
  /** The contents to show. */
  [jupyterDisplay](): Promise<MimeBundle>;
}
