import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { createHandler, serve } from "../lib/server/mod.ts";
import { OptionError } from "../mod.ts";
import { ask } from "./support/server_raw.ts";
import { demoModel, recording, refusal, start } from "./support/server_start.ts";

/** Status and code of an answer to a request with these header lines. */
async function answerTo(
  server: { port: number },
  lines: string,
  start = "GET /v1/models HTTP/1.1",
): Promise<string> {
  const answer = await ask(server, `${start}\r\n${lines}Connection: close\r\n\r\n`);
  return `${answer.slice(9, 12)} ${/"code":"(\w+)"/.exec(answer)?.[1] ?? ""}`.trim();
}

Deno.test("serve() takes one host header that is a name or an address", async () => {
  await using server = await start({ host: "0.0.0.0", apiKeys: [], allowHosts: ["*"] });
  for (
    const host of [
      "localhost",
      "LOCALHOST:8080",
      "asr.example",
      "asr.example.",
      "my_service:1",
      "127.0.0.1:65535",
      "[::1]",
      "[::1]:80",
    ]
  ) {
    assertEquals([host, await answerTo(server, `Host: ${host}\r\n`)], [host, "200"]);
  }
  for (
    const host of [
      "evil.com:99999",
      "evil.com:port",
      "evil.com:",
      "[",
      "[::1",
      "[evil.com]",
      "::1",
      "",
      "localhost/metrics?",
      "localhost/",
      "localhost#",
      "user@localhost",
      "local host",
      "localhost,evil.com",
      "evil..com",
      "-evil.com",
      "%6cocalhost",
      "256.1.1.1",
      "ev\u00efl.com",
    ]
  ) {
    assertEquals([host, await answerTo(server, `Host: ${host}\r\n`)], [host, "400 invalid_host"]);
  }
  assertMatch(await answerTo(server, ""), /^400/);
  assertMatch(await answerTo(server, "Host: localhost\r\nHost: localhost\r\n"), /^400/);
  assertEquals(await answerTo(server, "", "GET /v1/models HTTP/1.0"), "200");
  for (
    const target of ["http://evil.com:99999/v1/models", "http:///v1/models", "v1/models", "localhost:80"]
  ) {
    assertMatch(await answerTo(server, "Host: localhost\r\n", `GET ${target} HTTP/1.1`), /^400/);
  }
});

Deno.test("serve() without keys answers to addresses and this machine's names only, wherever it listens", async () => {
  for (const host of ["127.0.0.1", "0.0.0.0"]) {
    await using server = await start({ host, allowHosts: ["ASR.example"] });
    const status = (name: string, more = "") => answerTo(server, `Host: ${name}\r\n${more}`);
    // A page of the same name as the server, as a browser sends it after its owner changed the name's address.
    const origin = "Origin: http://evil.example\r\n";
    assertEquals(await status("evil.example", origin), "403 host_not_allowed");
    assertEquals(await status("evil.example:8080"), "403 host_not_allowed");
    assertEquals(await status("localhost.evil.example"), "403 host_not_allowed");
    assertEquals(await status("127.0.0.1.evil.example"), "403 host_not_allowed");
    const target = "GET http://evil.example/v1/models HTTP/1.1";
    assertEquals(await answerTo(server, "Host: localhost\r\n", target), "403 host_not_allowed");
    const own = Deno.hostname().toLowerCase();
    for (
      const name of ["localhost:8080", "asr.example", own, `${own}.local`, "192.168.1.5", "[fe80::1]:8080"]
    ) {
      assertEquals([name, await status(name)], [name, "200"]);
    }
  }
});

Deno.test("serve() with keys answers to every name, or to those that are given", async () => {
  const key = "Authorization: Bearer key\r\n";
  await using server = await start({ apiKeys: ["key"] });
  assertEquals(await answerTo(server, `Host: asr.example\r\n${key}`), "200");
  await using named = await start({ apiKeys: ["key"], allowHosts: ["asr.example"] });
  assertEquals(await answerTo(named, `Host: asr.example\r\n${key}`), "200");
  assertEquals(await answerTo(named, `Host: evil.example\r\n${key}`), "403 host_not_allowed");
});

Deno.test("createHandler() leaves names to its owner unless they are given", async () => {
  const ask = (host: string) => new Request(`http://${host}/health`);
  await using open = createHandler(await demoModel());
  assertEquals((await open(ask("asr.example"))).status, 200);
  await using named = createHandler(await demoModel(), { allowHosts: ["asr.example"] });
  assertEquals((await named(ask("asr.example"))).status, 200);
  assertEquals((await refusal(await named(ask("evil.example")))).code, "host_not_allowed");
  for (const name of ["http://asr.example", "asr.example:80", "", "a b"]) {
    await assertRejects(() => serve({ model: "demo", port: 0, allowHosts: [name] }), OptionError, "host");
  }
});

Deno.test("serve() allows a page no headers but those of its clients", async () => {
  await using server = await start({ cors: ["https://app.example"] });
  const preflight = async (wanted: string) => {
    const response = await fetch(`${server.url}/v1/audio/transcriptions`, {
      method: "OPTIONS",
      headers: {
        origin: "https://app.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": wanted,
      },
    });
    return response.headers.get("access-control-allow-headers");
  };
  assertEquals(
    await preflight("Authorization, content-type,x-stainless-lang,openai-project"),
    "authorization, content-type, x-stainless-lang, openai-project",
  );
  assertEquals(await preflight("x-forwarded-for,host,cookie,authorization,x y,<script>"), "authorization");
});

Deno.test("serve() names a recording as its client did, not what stands behind a link", async () => {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    await Deno.mkdir(`${folder}/open/inner-secret`, { recursive: true });
    const wav = await Deno.readFile(recording("dev-01-en.wav"));
    await Deno.writeTextFile(`${folder}/open/inner-secret/broken`, "This is no recording.");
    await Deno.writeFile(`${folder}/open/inner-secret/cut`, wav.subarray(0, 40_000));
    await Deno.symlink(`${folder}/open/inner-secret/broken`, `${folder}/open/broken.wav`);
    await Deno.symlink(`${folder}/open/inner-secret/cut`, `${folder}/open/cut.wav`);
    await using server = await start({ allowPaths: [`${folder}/open`] });
    for (const [name, status] of [["broken.wav", 400], ["cut.wav", 200]] as const) {
      const response = await fetch(`${server.url}/v1/audio/transcriptions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ file_path: `${folder}/open/${name}` }),
      });
      const text = await response.text();
      assertEquals([response.status, text.includes("inner-secret"), text.includes(name)], [
        status,
        false,
        true,
      ], text);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
