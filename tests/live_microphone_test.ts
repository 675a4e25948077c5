/**
 * Microphones through ffmpeg: arguments, what its listings say, and a program in its place.
 *
 * The listings of macOS and Windows are written down from what their ffmpeg is known to say: no such machine was asked.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  captureArguments,
  type CaptureDevice,
  captureSystems,
  listArguments,
  meantDevices,
  parseDevices,
} from "../lib/audio/capture_devices.ts";
import { listMicrophones, Microphone } from "../lib/audio/microphone.ts";
import { AudioError, OptionError } from "../lib/errors.ts";
import { Folder, recording } from "./support/cli_process.ts";
import { fakeMicrophone } from "./support/fake_microphone.ts";

const MAC = `[AVFoundation indev @ 0x7f8c5a704d40] AVFoundation video devices:
[AVFoundation indev @ 0x7f8c5a704d40] [0] FaceTime HD Camera
[AVFoundation indev @ 0x7f8c5a704d40] [1] Capture screen 0
[AVFoundation indev @ 0x7f8c5a704d40] AVFoundation audio devices:
[AVFoundation indev @ 0x7f8c5a704d40] [0] MacBook Pro Microphone
[AVFoundation indev @ 0x7f8c5a704d40] [1] Annas AirPods [2]
[AVFoundation indev @ 0x7f8c5a704d40] [2] BlackHole 2ch
[in#0 @ 0x600001] Error opening input: Input/output error
Error opening input file .
`;

const PULSE = `Auto-detected sources for pulse:
  alsa_output.pci-0000_00_1f.3.analog-stereo.monitor [Monitor of Built-in Audio Analog Stereo] (none)
* alsa_input.pci-0000_00_1f.3.analog-stereo [Built-in Audio Analog Stereo] (none)
  alsa_input.usb-046d_HD_Webcam-02.mono-fallback [HD Webcam [C920] Mono]
`;

const ALSA = `Auto-detected sources for alsa:
  null [Discard all samples (playback) or generate zero samples (capture)] (none)
  pipewire [PipeWire Sound Server] (none)
* default [Default ALSA Output (currently PipeWire Media Server)] (none)
  hw:CARD=PCH,DEV=0 [HDA Intel PCH, ALC257 Analog
Direct hardware device without any conversions] (none)
  plughw:CARD=PCH,DEV=0 [HDA Intel PCH, ALC257 Analog
Hardware device with all software conversions]
`;

const WINDOWS = `[dshow @ 000001d8a1f0c8c0] "Integrated Camera" (video)
[dshow @ 000001d8a1f0c8c0]   Alternative name "@device_pnp_\\\\?\\usb#vid_04f2&pid_b6d9"
[dshow @ 000001d8a1f0c8c0] "OBS Virtual Camera" (none)
[dshow @ 000001d8a1f0c8c0]   Alternative name "@device_sw_{860BB310-5D01-11D0-BD3B-00A0C911CE86}"
[dshow @ 000001d8a1f0c8c0] "Microphone Array (Realtek(R) Audio)" (audio)
[dshow @ 000001d8a1f0c8c0]   Alternative name "@device_cm_{33D9A762-90C8-11D0-BD43-00A0C911CE86}\\wave_{A}"
[dshow @ 000001d8a1f0c8c0] "Microphone (USB Audio)" (audio)
[dshow @ 000001d8a1f0c8c0]   Alternative name "@device_cm_{33D9A762-90C8-11D0-BD43-00A0C911CE86}\\wave_{B}"
[dshow @ 000001d8a1f0c8c0] "Microphone (USB Audio)" (audio)
[dshow @ 000001d8a1f0c8c0]   Alternative name "@device_cm_{33D9A762-90C8-11D0-BD43-00A0C911CE86}\\wave_{C}"
dummy: Immediate exit requested
`;

const OLD_WINDOWS = `[dshow @ 029e2ae0] DirectShow video devices (some may be both video and audio devices)\r
[dshow @ 029e2ae0]  "HD Webcam [Fixed]"\r
[dshow @ 029e2ae0]     Alternative name "@device_pnp_1"\r
[dshow @ 029e2ae0] DirectShow audio devices\r
[dshow @ 029e2ae0]  "Mikrofon (Realtek Audio)"\r
[dshow @ 029e2ae0]     Alternative name "@device_cm_1"\r
dummy: Immediate exit requested\r
`;

const names = (devices: readonly CaptureDevice[]) =>
  devices.map(({ id, name, isDefault }) => `${isDefault ? "*" : ""}${id} = ${name}`);

Deno.test("parseDevices() finds microphones, and nothing else, in what each system lists", () => {
  assertEquals(names(parseDevices("avfoundation", MAC)), [
    "0 = MacBook Pro Microphone",
    "1 = Annas AirPods [2]",
    "2 = BlackHole 2ch",
  ]);
  assertEquals(names(parseDevices("pulse", PULSE)), [
    "alsa_output.pci-0000_00_1f.3.analog-stereo.monitor = Monitor of Built-in Audio Analog Stereo",
    "*alsa_input.pci-0000_00_1f.3.analog-stereo = Built-in Audio Analog Stereo",
    "alsa_input.usb-046d_HD_Webcam-02.mono-fallback = HD Webcam [C920] Mono",
  ]);
  assertEquals(names(parseDevices("alsa", ALSA)), [
    "pipewire = PipeWire Sound Server",
    "*default = Default ALSA Output (currently PipeWire Media Server)",
    "hw:CARD=PCH,DEV=0 = HDA Intel PCH, ALC257 Analog, Direct hardware device without any conversions",
    "plughw:CARD=PCH,DEV=0 = HDA Intel PCH, ALC257 Analog, Hardware device with all software conversions",
  ]);
  assertEquals(names(parseDevices("dshow", WINDOWS)), [
    "*Microphone Array (Realtek(R) Audio) = Microphone Array (Realtek(R) Audio)",
    "Microphone (USB Audio) = Microphone (USB Audio)",
    "@device_cm_{33D9A762-90C8-11D0-BD43-00A0C911CE86}\\wave_{C} = Microphone (USB Audio)",
  ]);
  assertEquals(names(parseDevices("dshow", OLD_WINDOWS)), [
    "*Mikrofon (Realtek Audio) = Mikrofon (Realtek Audio)",
  ]);
  const nothing =
    "Auto-detected sources for pulse:\nCannot list sources: Generic error in an external library\n";
  assertEquals(parseDevices("pulse", nothing), []);
});

Deno.test("captureArguments() names the device as each system wants it", () => {
  const inputOf = (...[system, id]: Parameters<typeof captureArguments>) => {
    const args = captureArguments(system, id);
    return [args[args.indexOf("-f") + 1], args[args.indexOf("-i") + 1], args.slice(-9).join(" ")];
  };
  const output = "-vn -ac 1 -ar 16000 -f s16le -flush_packets 1 pipe:1".split(" ").slice(-9).join(" ");
  assertEquals(inputOf("avfoundation", undefined), ["avfoundation", ":default", output]);
  assertEquals(inputOf("avfoundation", "2"), ["avfoundation", ":2", output]);
  assertEquals(inputOf("pulse", undefined), ["pulse", "default", output]);
  assertEquals(inputOf("alsa", "hw:1,0"), ["alsa", "hw:1,0", output]);
  assertEquals(inputOf("dshow", "Mikrofon (A)"), ["dshow", "audio=Mikrofon (A)", output]);
  assertEquals([captureSystems("darwin"), captureSystems("windows"), captureSystems("linux")], [
    ["avfoundation"],
    ["dshow"],
    ["pulse", "alsa"],
  ]);
  assertEquals(listArguments("avfoundation").slice(-2), ["-i", ""]);
  assertEquals(listArguments("pulse").slice(-2), ["-sources", "pulse"]);
});

Deno.test("meantDevices() takes an id, a name, or a part of one", () => {
  const devices = parseDevices("pulse", PULSE);
  assertEquals(meantDevices("webcam", devices).map(({ id }) => id), [
    "alsa_input.usb-046d_HD_Webcam-02.mono-fallback",
  ]);
  assertEquals(meantDevices("Built-in Audio Analog Stereo", devices).length, 1);
  assertEquals(meantDevices("analog", devices).length, 2);
  assertEquals(meantDevices("piano", devices), []);
});

/** Runs with a stand-in for ffmpeg. */
async function withFake<T>(
  options: Parameters<typeof fakeMicrophone>[1],
  act: (folder: Folder) => Promise<T>,
): Promise<T> {
  await using folder = await Folder.make();
  const path = Deno.env.get("PATH")!;
  Deno.env.set("PATH", (await fakeMicrophone(folder, options))["PATH"]!);
  try {
    return await act(folder);
  } finally {
    Deno.env.set("PATH", path);
  }
}

const LINUX = { ignore: Deno.build.os !== "linux" };
const TALK = recording("dev-01-en.wav");

Deno.test("a microphone gives every sample; after stop() it ends, and so does ffmpeg", LINUX, async () => {
  await withFake({ recording: TALK, after: "silence", pieceBytes: 16000 }, async (folder) => {
    const wanted = new Int16Array((await Deno.readFile(folder.at("microphone.s16le"))).buffer);
    await using microphone = await Microphone.open();
    const heard: number[] = [];
    for await (const block of microphone) {
      heard.push(...block);
      if (heard.length >= wanted.length + 16000) microphone.stop();
    }
    assertEquals(Int16Array.from(heard.slice(0, wanted.length)), wanted);
    assert(heard.slice(wanted.length).every((sample) => sample === 0));
    assertStringIncludes(await Deno.readTextFile(folder.at("arguments.txt")), "-f pulse");
  });
});

Deno.test("a microphone that dies gives what it had, and then says why", LINUX, async () => {
  await withFake(
    { recording: TALK, after: { dies: "Stream disconnected" }, pieceBytes: 16000 },
    async (folder) => {
      await using microphone = await Microphone.open({ device: "yeti" });
      assertEquals(microphone.name, "Yeti Stereo Microphone Analog Stereo");
      let count = 0;
      const error = await assertRejects(async () => {
        for await (const block of microphone) count += block.length;
      }, AudioError);
      assertEquals(
        error.message,
        'The microphone has stopped: ffmpeg says "Stream disconnected"; what was heard until then is kept.',
      );
      assertEquals(count, (await Deno.stat(folder.at("microphone.s16le"))).size / 2);
      assertStringIncludes(
        await Deno.readTextFile(folder.at("arguments.txt")),
        "alsa_input.usb-Blue_Yeti-00.analog-stereo",
      );
    },
  );
});

Deno.test("a microphone that ended a moment before it was told to has ended in order", LINUX, async () => {
  await withFake({ recording: TALK, after: "end", pieceBytes: 16000 }, async (folder) => {
    const { size } = await Deno.stat(folder.at("microphone.s16le"));
    await using microphone = await Microphone.open();
    let count = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    for await (const block of microphone) {
      count += block.length;
      if (count === size / 2) timer = setTimeout(() => microphone.stop(), 150); // It ends 50 ms from now by itself.
    }
    clearTimeout(timer);
    assertEquals(count, size / 2);
  });
});

Deno.test("listMicrophones() and a name that several have", LINUX, async () => {
  await withFake({ recording: TALK, after: "end" }, async () => {
    assertEquals((await listMicrophones()).map(({ isDefault }) => isDefault), [false, true, false]);
    const error = await assertRejects(() => Microphone.open({ device: "stereo" }), OptionError);
    assertStringIncludes(error.message, '"Yeti Stereo Microphone Analog Stereo"');
  });
});

/** A program `ffmpeg` that says something and ends. */
async function refusal(script: string | undefined): Promise<string> {
  await using folder = await Folder.make();
  if (script !== undefined) {
    await folder.put("ffmpeg", `#!/bin/sh\n${script}\n`);
    await Deno.chmod(folder.at("ffmpeg"), 0o755);
  }
  const path = Deno.env.get("PATH")!;
  Deno.env.set("PATH", script === undefined ? folder.path : `${folder.path}:${path}`);
  try {
    return (await assertRejects(() => Microphone.open(), AudioError)).message;
  } finally {
    Deno.env.set("PATH", path);
  }
}

Deno.test("no ffmpeg, no device, no permission: one sentence each", LINUX, async () => {
  assertEquals(
    await refusal(undefined),
    "Cannot hear a microphone: ffmpeg was not found, install it (apt install ffmpeg).",
  );
  assertEquals(
    await refusal(
      "echo '[alsa @ 0x55] cannot open audio device default (No such file or directory)' >&2; echo 'default: Input/output error' >&2; exit 1",
    ),
    'Cannot hear a microphone: is one plugged in? ffmpeg says "default: Input/output error" ' +
      "(--list-devices shows what there is).",
  );
  assertEquals(
    await refusal("echo \"Unknown input format: 'alsa'\" >&2; exit 1"),
    "Cannot hear a microphone: this ffmpeg was built without alsa.",
  );
  assertEquals(
    await refusal("echo '[alsa @ 0x55] cannot open audio device hw:0 (Permission denied)' >&2; exit 1"),
    "Cannot hear a microphone: you may not use it, your user has to be in the group audio.",
  );
});
