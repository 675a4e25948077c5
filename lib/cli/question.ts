/**
 * Questions to who sits at the terminal.
 *
 * @module
 */
import { abortable } from "../abortable.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Asks on the terminal.
 *
 * @returns Whether the answer is yes; an empty line is, the end of the input is not.
 */
export async function confirm(terminal: Terminal, question: string, signal?: AbortSignal): Promise<boolean> {
  terminal.ask(`${question} [Y/n] `);
  const buffer = new Uint8Array(1024);
  const count = await abortable(Deno.stdin.read(buffer), signal).catch((error) => {
    if (signal?.aborted) return null;
    throw error;
  });
  if (count === null) {
    terminal.line("");
    return false;
  }
  return /^\s*(y|yes)?\s*$/i.test(new TextDecoder().decode(buffer.subarray(0, count)));
}

/** Whether somebody can be asked. */
export function canAsk(terminal: Terminal): boolean {
  return Deno.stdin.isTerminal() && terminal.isLive;
}
