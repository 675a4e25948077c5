/**
 * The voice activity network on a CPU, for tests and measurements.
 *
 * @module
 */
import { join } from "@std/path";
import { packagedFolder } from "../../lib/hub/packaged.ts";
import { Backend } from "../../lib/model/backend.ts";
import { type VadBackend, VadNetwork, WEIGHTS_FILE } from "../../lib/vad/network.ts";

/** A backend as the network wants it. */
export function vadBackend(): VadBackend {
  return Backend.open({ device: "cpu", policy: { passes: "mlx" } });
}

/** The network that comes with the package. */
export async function loadVad(backend = vadBackend()): Promise<VadNetwork> {
  return await VadNetwork.load(join(await packagedFolder("lib/vad/weights"), WEIGHTS_FILE), backend);
}
