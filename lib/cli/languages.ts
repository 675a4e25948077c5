/**
 * The command `languages`.
 *
 * @module
 */
import { LANGUAGES } from "../text/languages.ts";
import type { Arguments } from "./arguments.ts";
import type { Terminal } from "./terminal.ts";

/** Lists the languages with their codes and what they call themselves. */
export function languages(args: Arguments, terminal: Terminal): number {
  const rows = LANGUAGES.map(({ name, code }) => ({
    name,
    code,
    ownName: new Intl.DisplayNames([code], { type: "language" }).of(code) ?? "",
  }));
  if (args.on("json")) terminal.write(`${JSON.stringify(rows, null, 2)}\n`);
  else {
    terminal.write(
      rows.map(({ name, code, ownName }) => `${code.padEnd(4)} ${name.padEnd(12)} ${ownName}\n`).join(""),
    );
  }
  return 0;
}
