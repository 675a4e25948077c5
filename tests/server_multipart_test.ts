import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { HttpError } from "../lib/server/http_error.ts";
import { boundaryOf, MultipartReader } from "../lib/server/multipart.ts";

interface ReadPart {
  name: string;
  isFile: boolean;
  bytes: number[];
}

/** Reads a whole body that arrives in the given pieces. */
async function readAll(pieces: Uint8Array[], boundary: string): Promise<ReadPart[]> {
  const queue = [...pieces];
  const reader = new MultipartReader({ read: () => Promise.resolve(queue.shift()) }, boundary);
  const parts: ReadPart[] = [];
  for (let head; (head = await reader.next());) {
    const bytes: number[] = [];
    for (let piece; (piece = await reader.read());) bytes.push(...piece);
    parts.push({ name: head.name, isFile: head.isFile, bytes });
  }
  return parts;
}

function pieces(bytes: Uint8Array, length: number): Uint8Array[] {
  return Array.from(
    { length: Math.ceil(bytes.length / length) },
    (_, i) => bytes.subarray(i * length, (i + 1) * length),
  );
}

/** A form as the platform writes it. */
async function encode(form: FormData): Promise<{ bytes: Uint8Array; boundary: string }> {
  const response = new Response(form);
  const boundary = boundaryOf(response.headers.get("content-type") ?? "");
  return { bytes: new Uint8Array(await response.arrayBuffer()), boundary };
}

/** Random bytes in which the letters of delimiters are frequent. */
function nastyBytes(length: number, seed: number): Uint8Array<ArrayBuffer> {
  const letters = new TextEncoder().encode("\r\n-\r\n--x");
  let state = seed;
  return new Uint8Array(length).map(() => {
    state = (state * 1103515245 + 12345) & 0x7fffffff;
    return letters[(state >> 16) % letters.length]!;
  });
}

Deno.test("MultipartReader gives what the platform's writer wrote, however the body is cut", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const form = new FormData();
    const content = nastyBytes(seed * 37, seed);
    form.append("model", "whisper-1");
    form.append("file", new File([content], 'a "quoted"; name=evil\r\nX: y.wav'));
    form.append("timestamp_granularities[]", "ß\r\n--");
    form.append("empty", "");
    const { bytes, boundary } = await encode(form);
    const text = new TextEncoder();
    for (const length of [1, 2, 3, 7, 61, bytes.length]) {
      assertEquals(await readAll(pieces(bytes, length), boundary), [
        { name: "model", isFile: false, bytes: [...text.encode("whisper-1")] },
        { name: "file", isFile: true, bytes: [...content] },
        { name: "timestamp_granularities[]", isFile: false, bytes: [...text.encode("ß\r\n--")] },
        { name: "empty", isFile: false, bytes: [] },
      ]);
    }
  }
});

Deno.test("MultipartReader agrees with the platform's reader on bodies written by hand", async () => {
  const BODIES = [
    'preamble\r\n--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b--\r\nepilogue',
    "--b\r\nCONTENT-DISPOSITION: form-data; name=a\r\nContent-Type: text/plain\r\n\r\n\r\n\r\n--b--",
    '--b  \r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n-- b\r\n--b--\r\n',
  ];
  for (const body of BODIES) {
    const bytes = new TextEncoder().encode(body);
    const read = async () => {
      return (await readAll(pieces(bytes, 3), "b")).map(({ name, bytes }) => [
        name,
        new TextDecoder().decode(new Uint8Array(bytes)),
      ]);
    };
    let expected: string[][] | undefined;
    try {
      const response = new Response(bytes, {
        headers: { "content-type": "multipart/form-data; boundary=b" },
      });
      expected = [...await response.formData()].map(([name, value]) => [name, String(value)]);
    } catch {
      // Then both refuse.
    }
    if (expected) assertEquals(await read(), expected);
    else await assertRejects(read, HttpError);
  }
});

Deno.test("MultipartReader refuses bodies that are not well-formed", async () => {
  const head = '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n';
  const BROKEN: Record<string, string> = {
    "empty": "",
    "no boundary at all": "hello",
    "another boundary": '--c\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--c--\r\n',
    "cut in the headers": "--b\r\nContent-Dispo",
    "cut in the content": `${head}1`,
    "cut before the last dashes": `${head}1\r\n--b`,
    "no name": "--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n--b--\r\n",
    "no disposition": "--b\r\nContent-Type: text/plain\r\n\r\n1\r\n--b--\r\n",
    "a header without a colon": "--b\r\nnonsense\r\n\r\n1\r\n--b--\r\n",
    "base64":
      `--b\r\nContent-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: base64\r\n\r\nMQ==\r\n--b--`,
    "endless headers": `--b\r\nX: ${"x".repeat(20_000)}\r\n\r\n1\r\n--b--\r\n`,
    "endless backslashes": `--b\r\nContent-Disposition: form-data; name="${
      "\\".repeat(16_001)
    }\r\n\r\n1\r\n--b--`,
    "too many parts": `${head}1\r\n`.repeat(101) + "--b--\r\n",
  };
  for (const [name, body] of Object.entries(BROKEN)) {
    const read = () => readAll(pieces(new TextEncoder().encode(body), 4096), "b");
    const error = await assertRejects(read, HttpError, "The multipart body is not well-formed");
    assertEquals([name, error.status], [name, 400]);
  }
});

Deno.test("MultipartReader holds no more of a part than a piece", async () => {
  const piece = new Uint8Array(65536).fill(13);
  let sent = 0;
  const start = '--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n';
  const reader = new MultipartReader({
    read: () => Promise.resolve(sent++ === 0 ? new TextEncoder().encode(start) : piece),
  }, "b");
  await reader.next();
  for (let i = 0; i < 200; i++) {
    const content = await reader.read();
    assertEquals((content?.buffer.byteLength ?? 0) < 2 * 65536, true);
  }
});

Deno.test("boundaryOf() reads boundaries with and without quotes, and refuses nonsense", () => {
  assertEquals(boundaryOf("multipart/form-data; boundary=abc"), "abc");
  assertEquals(boundaryOf('multipart/form-data; charset=utf-8; Boundary="a b;c"'), "a b;c");
  for (
    const header of [
      "multipart/form-data",
      "multipart/form-data; boundary=",
      `multipart/form-data; boundary=${"x".repeat(201)}`,
    ]
  ) {
    assertThrows(() => boundaryOf(header), HttpError);
  }
});
