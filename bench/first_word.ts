/**
 * How long a stranger waits for the first word: the packed module from a registry on this machine, empty caches, no native
 * library; with a C++ compiler, or with a bundle of the library that is here.
 *
 *     deno run -A bench/first_word.ts compiler|bundle
 *
 * @module
 */
import { dirname, fromFileUrl, join } from "@std/path";
import { openLibrary } from "../ffi/mod.ts";
import { installLibrary } from "../lib/setup/install.ts";
import { readBundles } from "../scripts/bundle_table.ts";
import { recording } from "../tests/support/cli_process.ts";
import { Registry, Stranger } from "../tests/support/package_registry.ts";

const BUNDLER = fromFileUrl(new URL("../scripts/bundle_mlx_c.sh", import.meta.url));

/** Seconds of an action. */
async function seconds(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return (performance.now() - start) / 1000;
}

/** Seconds that a release's bundle takes from a server on this machine into a cache. */
async function bundleSeconds(cache: string): Promise<number> {
  const dist = await Deno.makeTempDir();
  const from = dirname(dirname(await Deno.realPath(openLibrary().path)));
  await new Deno.Command("bash", { args: [BUNDLER, "--from", from, "--out", dist], stdout: "null" }).output();
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    return new Response((await Deno.open(join(dist, new URL(request.url).pathname))).readable);
  });
  const bundles = await readBundles(dist);
  const releaseUrl = `http://127.0.0.1:${server.addr.port}/`;
  const environment = (name: string) => ({ QWEN3_ASR_CACHE: cache })[name];
  const taken = await seconds(() => installLibrary({ bundles, releaseUrl, environment }));
  await server.shutdown();
  await Deno.remove(dist, { recursive: true });
  return taken;
}

if (import.meta.main) {
  const [way] = Deno.args;
  if (way !== "compiler" && way !== "bundle") {
    console.error("Usage: deno run -A bench/first_word.ts compiler|bundle");
    Deno.exit(2);
  }
  await using registry = await Registry.start();
  await using stranger = await Stranger.arrive(registry.url, "");
  await Deno.copyFile(recording("dev-00-en.wav"), stranger.at("talk.wav"));
  const before = way === "bundle" ? await bundleSeconds(join(stranger.home, ".cache")) : 0;
  const args = ["run", "-A", "jsr:@qwen3/asr", "--yes", "-m", "demo", "talk.wav"];
  let said = { code: 0, stdout: "", stderr: "" };
  const rest = await seconds(async () => said = await stranger.deno(...args));
  if (said.code !== 0) throw new Error(said.stderr);
  console.log(`${way}: first word after ${(before + rest).toFixed(1)} s: ${said.stdout.trim()}`);
}
