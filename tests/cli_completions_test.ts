/**
 * Completions in the shells that they are for: what is offered behind a command line.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { cli, ROOT } from "./support/cli_process.ts";

/** What is typed, in a folder with a file `two words.wav`, a `README.md` and a folder `recordings`, and what is offered. */
const OFFERS: readonly (readonly [typed: string, offered: readonly string[]])[] = [
  ["--form", ["--format"]],
  ["--device ", ["auto", "cpu", "gpu"]],
  ["-l ger", ["german"]],
  ["-l yu", ["yue"]],
  ["--languages de,spa", ["de,spanish"]],
  ["-f txt,sr", ["txt,srt"]],
  ["serve --po", ["--port"]],
  ["doctor REA", []],
  ["inspect REA", ["README.md"]],
  ["x.wav REA", ["README.md"]],
  ["doc", ["doctor"]],
  ["models ver", ["verify"]],
  ["completions ", ["bash", "fish", "zsh"]],
  ["--output-dir recor", ["recordings"]],
  ["two", ["two words.wav"]],
];

async function output(command: string, args: string[], cwd: string, env: Record<string, string> = {}) {
  const { stdout, stderr, success } = await new Deno.Command(command, { args, cwd, env }).output();
  assertEquals([success, new TextDecoder().decode(stderr)], [true, ""]);
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
}

/** A folder to complete in, and one with the shell's completions. */
async function withFolders(shell: string, act: (cwd: string, script: string) => Promise<void>) {
  const folder = await Deno.makeTempDir();
  try {
    const cwd = join(folder, "here");
    await Deno.mkdir(join(cwd, "recordings"), { recursive: true });
    for (const name of ["README.md", "two words.wav"]) await Deno.writeTextFile(join(cwd, name), "x");
    const { stdout } = await cli(["completions", shell], { flags: [] });
    const script = join(folder, "_qwen3-asr");
    await Deno.writeTextFile(script, stdout);
    await act(cwd, script);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("fish offers options, values, commands and files where they go", async () => {
  await withFolders("fish", async (cwd, script) => {
    for (const [typed, expected] of OFFERS) {
      const line = `source ${script}; complete -C 'qwen3-asr ${typed}'`;
      const lines = await output("fish", ["--no-config", "-c", line], cwd);
      // A description stands behind a tab, a slash behind a folder.
      const words = lines.map((word) => word.split("\t")[0]!.replace(/\/$/, ""));
      // fish 4 offers behind them what merely contains the letters.
      const begun = words.filter((word) =>
        word.startsWith(typed.split(/[ ,]/).at(-1)!) || word.includes(",")
      );
      assertEquals(begun.toSorted(), expected, typed);
    }
  });
});

Deno.test("zsh offers options, values, commands and files where they go", async () => {
  const capture = join(ROOT, "tests", "support", "zsh_capture.zsh");
  await withFolders("zsh", async (cwd, script) => {
    for (const [typed, expected] of OFFERS) {
      const env = { COMPLETIONS: join(script, "..") };
      const lines = await output("zsh", ["-f", capture, `qwen3-asr ${typed}`], cwd, env);
      const words = lines.map((word) => word.replaceAll("\\", ""));
      assertEquals([...new Set(words)].toSorted(), expected, typed);
    }
  });
});
