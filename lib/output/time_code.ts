/**
 * Seconds as subtitle formats write them.
 *
 * @module
 */

/** `01:02:03,456` with the separator of the format: SRT `,`, WebVTT `.`. */
export function timeCode(seconds: number, separator: "," | "."): string {
  const total = Math.round(seconds * 1000);
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  const clock = [total / 3_600_000, total / 60_000 % 60, total / 1000 % 60].map(two).join(":");
  return `${clock}${separator}${String(total % 1000).padStart(3, "0")}`;
}
