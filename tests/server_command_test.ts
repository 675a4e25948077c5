import { assert, assertEquals, assertMatch } from "@std/assert";
import { fileOf } from "./support/server_start.ts";

const ROOT = new URL("../", import.meta.url).pathname;

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

function command(args: string[], env: Record<string, string> = {}): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "mod.ts", "serve", ...args],
    cwd: ROOT,
    env: { ...env, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

async function run(args: string[]): Promise<Outcome> {
  const { code, stdout, stderr } = await command(args).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

const CERTIFICATE = "tests/fixtures/tls/cert.pem";
const KEY = "tests/fixtures/tls/key.pem";

Deno.test("serve --help lists the options on standard output", async () => {
  const { code, stdout, stderr } = await run(["--help"]);
  assertEquals([code, stderr], [0, ""]);
  for (
    const option of [
      "--host",
      "--port",
      "--api-key",
      "--allow-path",
      "--allow-host",
      "--cors",
      "--keep-alive",
      "--queue",
    ]
  ) {
    assert(stdout.includes(option), option);
  }
});

Deno.test("serve ends with 2 and one sentence for arguments that are not usable", async () => {
  for (
    const args of [
      ["--port", "high"],
      ["--nonsense"],
      ["--device", "abacus"],
      ["--cors", "here"],
      [
        "--allow-host",
        "a:80",
      ],
      ["stray"],
      ["--cert", CERTIFICATE],
      ["--cert", "no.pem", "--key", KEY],
      ["--cert", "README.md", "--key", KEY],
      [
        "--cert",
        KEY,
        "--key",
        CERTIFICATE,
      ],
    ]
  ) {
    const { code, stdout, stderr } = await run(["--model", "demo", ...args]);
    assertEquals([code, stdout, stderr.trim().split("\n").length], [2, "", 1], stderr);
  }
});

Deno.test("serve listens, warns beyond loopback, takes keys from the environment, and ends by SIGTERM", async () => {
  const child = command(
    ["--model", "demo", "--host", "0.0.0.0", "--port", "0", "--verbose", "--wyoming", "localhost:0"],
  ).spawn();
  const secured = command(["--model", "demo", "--host", "0.0.0.0", "--port", "0"], {
    QWEN3_ASR_API_KEY: "one, two",
  }).spawn();
  const firstLines = async (process: Deno.ChildProcess) => {
    const reader = process.stderr.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!/Listening at .*\n/.test(text)) text += (await reader.read()).value ?? "";
    const rest = async () => {
      for (let read; !(read = await reader.read()).done;) text += read.value;
      return text;
    };
    return { port: /:(\d+)\n/.exec(text)?.[1], rest };
  };
  const [open, closed] = await Promise.all([firstLines(child), firstLines(secured)]);
  const form = new FormData();
  form.append("file", await fileOf("dev-01-en.wav"));
  const answer = await fetch(`http://127.0.0.1:${open.port}/v1/audio/transcriptions`, {
    method: "POST",
    body: form,
  });
  assertEquals((await answer.json()).text, "I see ten yellow windows.");
  for (const [key, status] of [["two", 200], ["three", 401]] as const) {
    const models = await fetch(`http://127.0.0.1:${closed.port}/v1/models`, {
      headers: { authorization: `Bearer ${key}` },
    });
    assertEquals(models.status, status);
    await models.body?.cancel();
  }
  child.kill("SIGTERM");
  secured.kill("SIGTERM");
  const texts = await Promise.all([open.rest(), closed.rest()]);
  for (const process of [child, secured]) {
    await process.stdout.cancel();
    assertEquals((await process.status).code, 0);
  }
  assertMatch(texts[0]!, /^Wyoming at tcp:\/\/localhost:\d+$/m);
  assert(!texts[1]!.includes("Wyoming"));
  assertMatch(texts[0]!, /Warning: everybody who reaches 0\.0\.0\.0/);
  assertMatch(texts[0]!, /POST \/v1\/audio\/transcriptions 200/);
  assert(!texts[1]!.includes("Warning"));
});
