/**
 * The voice activity network on a CPU, for tests and measurements.
 *
 * @module
 */
import { join } from "@std/path";
import { packagedFolder } from "../../lib/hub/mod.ts";
import { Backend } from "../../lib/model/backend.ts";
import { mlxMutex } from "../../lib/recognize/mutex.ts";
import { type VadBackend, VadNetwork, WEIGHTS_FILE } from "../../lib/vad/network.ts";

/** A backend as the network wants it. */
export function vadBackend(): VadBackend {
  const backend = Backend.open({ device: "cpu" });
  return {
    build: (make) => backend.build(make),
    evaluate: (...arrays) => backend.evaluate(...arrays),
    exclusive: (task, signal) => mlxMutex.run(task, signal),
  };
}

/** The network that comes with the package. */
export async function loadVad(backend = vadBackend()): Promise<VadNetwork> {
  return await VadNetwork.load(join(await packagedFolder("lib/vad/weights"), WEIGHTS_FILE), backend);
}
