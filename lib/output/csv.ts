/**
 * Comma-separated values (RFC 4180 with line feeds): the columns of tsv.
 *
 * @module
 */
import type { Transcript } from "../transcript.ts";
import { rowsOf } from "./tsv.ts";

function field(value: string | number): string {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A row with its line feed. */
export function csvRow(row: readonly (string | number)[]): string {
  return `${row.map(field).join(",")}\n`;
}

/** One segment, or one word where words have times, a row. */
export function formatCSV({ segments }: Transcript): string {
  return rowsOf(segments).map(csvRow).join("");
}
