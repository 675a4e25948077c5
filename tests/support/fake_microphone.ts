/**
 * A folder with a program `ffmpeg` that stands in for one with a microphone: it plays a file of raw samples at real speed, or
 * faster, and lists devices.
 *
 * @module
 */
import { loadAudio } from "../../lib/audio/load.ts";
import type { Folder } from "./cli_process.ts";

/** What the program does. */
export interface FakeMicrophone {
  /** WAV file that it plays. */
  recording: string;
  /** What comes after the recording: silence for ever, an end in order, or a death with these words. */
  after: "silence" | "end" | { dies: string };
  /** Bytes in a piece of 50 ms: 1600 is real time. @default {6400} */
  pieceBytes?: number;
}

const LISTING = `Auto-detected sources for pulse:
  alsa_output.pci-0000_00_1f.3.analog-stereo.monitor [Monitor of Built-in Audio Analog Stereo] (none)
* alsa_input.pci-0000_00_1f.3.analog-stereo [Built-in Audio Analog Stereo] (none)
  alsa_input.usb-Blue_Yeti-00.analog-stereo [Yeti Stereo Microphone Analog Stereo] (none)
`;

/**
 * Puts the program into a folder.
 *
 * @returns Variables with which it is found before any other.
 */
export async function fakeMicrophone(
  folder: Folder,
  { recording, after, pieceBytes = 6400 }: FakeMicrophone,
): Promise<Record<string, string>> {
  const { samples } = await loadAudio(recording);
  const whole = samples.slice(0, samples.length);
  const pcm = Int16Array.from(
    whole,
    (sample) => Math.max(-32768, Math.min(32767, Math.round(sample * 32768))),
  );
  await folder.put("microphone.s16le", new Uint8Array(pcm.buffer));
  await folder.put("listing.txt", LISTING);
  const silence = `while :; do head -c ${pieceBytes} /dev/zero; sleep 0.05; done`;
  const end = typeof after === "object" ? `echo '[pulse @ 0x55] ${after.dies}' >&2; exit 1` : "exit 0";
  const script = `#!/bin/sh
cd '${folder.path}' || exit 1
case "$*" in
  *"-sources pulse"*) exec cat listing.txt ;;
  *"-sources alsa"*) echo "Auto-detected sources for alsa:"; exit 0 ;;
esac
echo "$*" >> arguments.txt
size=$(wc -c < microphone.s16le)
at=0
trap 'exit 0' TERM INT
while [ $at -lt $size ]; do
  dd if=microphone.s16le bs=${pieceBytes} skip=$((at / ${pieceBytes})) count=1 2>/dev/null
  at=$((at + ${pieceBytes}))
  sleep 0.05
done
${after === "silence" ? silence : end}
`;
  await Deno.mkdir(folder.at("bin"), { recursive: true });
  await folder.put("bin/ffmpeg", script);
  await Deno.chmod(folder.at("bin", "ffmpeg"), 0o755);
  return { PATH: `${folder.at("bin")}:${Deno.env.get("PATH")}` };
}
