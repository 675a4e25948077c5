import { assertEquals, assertMatch } from "@std/assert";
import { connect } from "./support/server_raw.ts";
import { formOf } from "./support/server_start.ts";

const ROOT = new URL("../", import.meta.url).pathname;

Deno.test({
  name: "serve answers while and after more clients connect than there are descriptors",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const command = 'ulimit -n 64; exec "$0" run -A --no-check mod.ts serve --model demo --port 0';
    const child = new Deno.Command("bash", {
      args: ["-c", command, Deno.execPath()],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
    try {
      let said = "";
      while (!/Listening at .*\n/.test(said)) said += (await reader.read()).value ?? "";
      const port = Number(/:(\d+)\n/.exec(said)?.[1]);
      const idle = await Promise.all(Array.from({ length: 100 }, () => connect({ port })));
      const ask = async () => {
        const signal = AbortSignal.timeout(10_000);
        const health = await fetch(`http://127.0.0.1:${port}/health`, { signal });
        assertEquals(await health.json(), { status: "ok" });
        const body = await formOf("dev-01-en.wav", { response_format: "text" });
        const answer = await fetch(`http://127.0.0.1:${port}/v1/audio/transcriptions`, {
          method: "POST",
          body,
          signal,
        });
        assertMatch(await answer.text(), /ten yellow windows/);
      };
      await ask();
      for (const connection of idle) connection.close();
      await ask();
    } finally {
      child.kill("SIGTERM");
      while (!(await reader.read()).done);
      assertEquals((await child.status).code, 0);
    }
  },
});
