/**
 * How a command line is told apart into options and operands.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { commandWords } from "../lib/option_words.ts";

const KNOWN = [
  { name: "format", short: "f", takesValue: true },
  { name: "range", takesValue: true },
  { name: "quiet", short: "q", takesValue: false },
  { name: "verbose", short: "v", takesValue: false },
];

/** Options as "name=value", unknown ones as they were written, and operands. */
function read(...args: string[]): [options: string[], operands: string[]] {
  const { operands, options } = commandWords(args, KNOWN);
  return [
    options.map(({ option, written, value }) => option ? `${option.name}=${value}` : written),
    operands,
  ];
}

Deno.test("commandWords() reads values behind a blank, an equals sign, and a letter", () => {
  assertEquals(read("--format", "srt", "--format=txt", "-f", "vtt", "-fass", "-f=lrc", "a.wav"), [
    ["format=srt", "format=txt", "format=vtt", "format=ass", "format=lrc"],
    ["a.wav"],
  ]);
  assertEquals(read("--range=-0:30", "--range=a=b"), [["range=-0:30", "range=a=b"], []]);
  assertEquals(read("--format", "-"), [["format=-"], []]);
});

Deno.test("commandWords() reads groups of switches, and what turns them off", () => {
  assertEquals(read("-qv", "-vf", "srt"), [["quiet=true", "verbose=true", "verbose=true", "format=srt"], []]);
  assertEquals(read("--no-quiet", "--quiet=false", "--quiet=true"), [
    ["quiet=false", "quiet=false", "quiet=true"],
    [],
  ]);
  assertEquals(read("--quiet", "a.wav"), [["quiet=true"], ["a.wav"]]);
});

Deno.test("commandWords() misses a value that is empty, absent, or looks like an option", () => {
  const missing = ["format=undefined"];
  assertEquals(read("--format")[0], missing);
  assertEquals(read("--format=")[0], missing);
  assertEquals(read("-f")[0], missing);
  assertEquals(read("-f=")[0], missing);
  assertEquals(read("--format", "")[0], missing);
  assertEquals(read("--format", "--quiet")[0], missing);
});

Deno.test("commandWords() names what nobody knows as it was written, without its value", () => {
  assertEquals(
    read("--fromat=srt", "-z", "-qz", "--no-format", "--no-nothing", "--toString", "--__proto__"),
    [
      ["--fromat", "-z", "quiet=true", "-z", "--no-format", "--no-nothing", "--toString", "--__proto__"],
      [],
    ],
  );
});

Deno.test("commandWords() takes everything behind -- and a lone hyphen for operands", () => {
  assertEquals(read("-", "--", "--quiet", "-f", "--"), [[], ["-", "--quiet", "-f", "--"]]);
  assertEquals(read("007", "", "true"), [[], ["007", "", "true"]]);
});
