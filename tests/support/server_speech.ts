/**
 * WAV files made for the server's tests.
 *
 * @module
 */
import { recording } from "./server_start.ts";

/** Header of a PCM or float WAV file; sizes as given, true or not. */
export function wavHeader(
  options: { sampleRate: number; channels: number; bits: 8 | 16 | 32; dataBytes: number },
): Uint8Array<ArrayBuffer> {
  const { sampleRate, channels, bits, dataBytes } = options;
  const view = new DataView(new ArrayBuffer(44));
  const write = (at: number, text: string) => {
    for (const [i, letter] of [...text].entries()) view.setUint8(at + i, letter.charCodeAt(0));
  };
  write(0, "RIFF");
  view.setUint32(4, Math.min(36 + dataBytes, 0xffffffff), true);
  write(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, bits === 32 ? 3 : 1, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, sampleRate * channels * bits / 8, true);
  view.setUint16(32, channels * bits / 8, true);
  view.setUint16(34, bits, true);
  write(36, "data");
  view.setUint32(40, dataBytes, true);
  return new Uint8Array(view.buffer);
}

/** 16 kHz mono 16-bit samples as a WAV file. */
function wavOf(samples: Uint8Array): Uint8Array<ArrayBuffer> {
  const wav = new Uint8Array(44 + samples.length);
  wav.set(wavHeader({ sampleRate: 16000, channels: 1, bits: 16, dataBytes: samples.length }));
  wav.set(samples, 44);
  return wav;
}

/** A demo recording with silence behind it. */
export async function withSilence(name: string, silenceSeconds: number): Promise<Uint8Array<ArrayBuffer>> {
  const samples = (await Deno.readFile(recording(name))).subarray(44);
  const longer = new Uint8Array(samples.length + Math.round(silenceSeconds * 16000) * 2);
  longer.set(samples);
  return wavOf(longer);
}

/** The beginning of a demo recording. */
export async function excerpt(name: string, seconds: number): Promise<Uint8Array<ArrayBuffer>> {
  return wavOf((await Deno.readFile(recording(name))).slice(44, 44 + seconds * 32000));
}
