import { assert, assertEquals } from "@std/assert";
import { start } from "./support/server_start.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const GUIDE = await Deno.readTextFile(new URL("../docs/server.md", import.meta.url));
const EXAMPLES = [...GUIDE.matchAll(/```sh\n(curl [^\n]+)\n((?:# [^\n]*\n)+)```/g)];

Deno.test("docs/server.md has a curl line for every format, the stream, and every address", () => {
  const lines = EXAMPLES.map(([, line = ""]) => line);
  for (
    const what of [
      "=text",
      "=srt",
      "=verbose_json",
      "stream=true",
      "file_path",
      "/v1/models",
      "/ready",
      "/metrics",
    ]
  ) {
    assert(lines.some((line) => line.includes(what)), what);
  }
  assertEquals(GUIDE.match(/^curl /gm)?.length, EXAMPLES.length);
});

for (const [, line = "", shown = ""] of EXAMPLES) {
  Deno.test(`docs/server.md: ${line.slice(0, 110)}`, async () => {
    await using server = await start({ allowPaths: [`${ROOT}demo`] });
    const { code, stdout, stderr } = await new Deno.Command("bash", {
      args: ["-c", line.replaceAll("http://127.0.0.1:8080", server.url)],
      cwd: ROOT,
    }).output();
    assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
    // What is shown is how the answer begins, line by line.
    const answer = new TextDecoder().decode(stdout).split("\n");
    for (const [index, expected] of shown.trimEnd().split("\n").entries()) {
      const beginning = expected.slice(2).replace(/\.\.\.$/, "");
      assertEquals(answer[index]?.slice(0, beginning.length), beginning);
    }
  });
}
