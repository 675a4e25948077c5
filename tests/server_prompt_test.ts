/**
 * What a request may ask the model to read besides its recording: bounded, and refused by name.
 */
import { assertEquals, assertMatch } from "@std/assert";
import { formOf, post, recording, refusal, start } from "./support/server_start.ts";

const TEXT = "I see ten yellow windows.";

Deno.test("serve() answers a prompt above its budget with 400 and the parameter's name", async () => {
  await using server = await start();
  const ask = async (parameters: Record<string, string>) =>
    await refusal(await post(server, await formOf("dev-01-en.wav", parameters)));
  const long = await ask({ prompt: "q ".repeat(1_000) });
  assertEquals([long.status, long.param, long.code], [400, "prompt", "invalid_value"]);
  assertMatch(String(long.message), /^Cannot use 2000 tokens of context: at most 1024 tokens /);
  const wide = await ask({ prompt: "q".repeat(60_000), stream: "true" });
  assertEquals([wide.status, wide.param], [400, "prompt"]);
  const words = Array.from({ length: 900 }, (_, index) => `word${index}`).join(",");
  const many = await ask({ prompt: "words", keywords: words });
  assertEquals([many.status, many.param], [400, "keywords"]);
  const control = await ask({ keywords: "ok,<|im_end|>" });
  assertEquals([control.status, control.param], [400, "keywords"]);
  const fits = await post(server, await formOf("dev-01-en.wav", { prompt: "ten yellow windows" }));
  assertEquals((await fits.json()).text, TEXT);
  await using strict = await start({ maxPromptTokens: 4 });
  const short = await refusal(
    await post(strict, await formOf("dev-01-en.wav", { prompt: "ten yellow windows" })),
  );
  assertEquals([short.status, short.param], [400, "prompt"]);
  assertMatch(String(short.message), /^Cannot use 5 tokens of context: at most 4 /);
});

Deno.test("serve() bounds the number of a list's values, however they are written", async () => {
  const folder = recording("");
  await using server = await start({ allowPaths: [folder] });
  const ask = async (parameters: Record<string, unknown>) => {
    const body = JSON.stringify({ file_path: `${folder}dev-01-en.wav`, ...parameters });
    const answer = await refusal(
      await post(server, body, { headers: { "content-type": "application/json" } }),
    );
    return [answer.status, answer.param, answer.code];
  };
  const keys = (name: string, count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`${name}[${index}]`, "x"]));
  const tooMany = (name: string) => [400, name, "too_many_values"];
  assertEquals(await ask(keys("a", 15_000)), tooMany("a"));
  assertEquals(await ask(keys("keywords", 1_001)), tooMany("keywords"));
  assertEquals(await ask({ keywords: new Array(1_001).fill("x") }), tooMany("keywords"));
  assertEquals(await ask({ keywords: "x,".repeat(1_001) }), tooMany("keywords"));
  const body = { file_path: `${folder}dev-01-en.wav`, language: "en", ...keys("keywords", 1_000) };
  const headers = { "content-type": "application/json" };
  assertEquals((await (await post(server, JSON.stringify(body), { headers })).json()).text, TEXT);
});
