import { Lab } from "./notebook_lab.ts";
import { controlFaults, controlNotebook } from "./notebook_control.ts";
import { readNotebook } from "./notebook_file.ts";
const t0 = performance.now();
const lap = (w: string) => console.log(w, ((performance.now() - t0) / 1000).toFixed(2));
await Deno.mkdir("/tmp/lab/shots", { recursive: true });
{
  await using lab = await Lab.open();
  lap("open");
  const f = await lab.faultsOf("control.ipynb", controlNotebook(), {
    isExpected: (f) => {
      console.log(controlFaults(f).join(" | "), f.join(" "));
      return controlFaults(f).length === 0;
    },
    keep: (s) => Deno.writeFile("/tmp/lab/shots/control.png", s),
  });
  lap("control");
  console.log(f, controlFaults(f));
  for (const n of Deno.args) {
    let k = 0;
    const name = n.split("/").pop()!;
    console.log(
      (await lab.faultsOf(name, await readNotebook(n), {
        keep: (s) => Deno.writeFile(`/tmp/lab/shots/${name}-${++k}.png`, s),
      })).join("\n"),
    );
    lap(name);
  }
}
lap("end");
