/**
 * How the parity tool and the notebooks look inside: each stage offers its result, nobody listening costs nothing.
 *
 * @module
 */
import type { MLXArray } from "../../ffi/mod.ts";

/** Called with every stage's lazy result while the graph is built: keep or read it there and then. */
export type Tap = (stage: string, array: MLXArray) => void;

/** Asks a decoder pass for what it does not compute by itself. */
export interface DecoderProbe {
  tap?: Tap;
  /** Layers whose attention weights are wanted: offered as `decoder_attention_<layer>` `[B, heads, L, S]`. */
  attention?: ReadonlySet<number>;
  /** Only where so many of the last positions look: L is at most this then. @default {all} */
  last?: number | undefined;
}
