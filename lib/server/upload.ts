/**
 * From a request's body to parameters and a decoded recording.
 *
 * The file of a form is decoded while it arrives, so neither its bytes nor a copy on disk is kept, and parameters count
 * wherever they stand: clients put them before the file or behind it. (An MP4 whose index is at its end goes through a
 * temporary file, see `loadAudio`.)
 *
 * @module
 */
import { loadAudio, type LoadAudioOptions, type LoadedAudio } from "../audio/load.ts";
import { BodyReader, checkDeclaredLength } from "./body.ts";
import { loadUnderItsName, resolveFilePath } from "./file_path.ts";
import { HttpError } from "./http_error.ts";
import { boundaryOf, MultipartReader } from "./multipart.ts";
import type { HandlerSettings } from "./options.ts";
import { type Field, parseParameters, type TranscriptionRequest } from "./parameters.ts";

const MAX_FIELD_BYTES = 64 * 1024;
const MAX_JSON_BYTES = 256 * 1024;

/** What a request asks for, checked. */
export interface Upload {
  request: TranscriptionRequest;
  audio: LoadedAudio;
}

function missingFile(): HttpError {
  return new HttpError(400, "There is no recording: send it as the form field `file`.", {
    param: "file",
    code: "missing_file",
  });
}

/** Decodes the file part; a failure of the body itself goes before what the decoder makes of it. */
async function readFile(reader: MultipartReader, loading: LoadAudioOptions): Promise<LoadedAudio> {
  let broken: unknown;
  const content = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      try {
        const piece = await reader.read();
        if (piece) controller.enqueue(piece);
        else controller.close();
      } catch (error) {
        broken = error;
        controller.error(error);
      }
    },
  }, { highWaterMark: 0 });
  try {
    return await loadAudio(content, loading);
  } catch (error) {
    throw broken ?? error;
  }
}

async function readForm(
  body: BodyReader,
  contentType: string,
  loading: LoadAudioOptions,
): Promise<Upload> {
  const reader = new MultipartReader(body, boundaryOf(contentType));
  const fields: Field[] = [];
  let audio: LoadedAudio | undefined;
  for (let part; (part = await reader.next());) {
    const { name, isFile } = part;
    if (name !== "file" && isFile) {
      throw new HttpError(400, "Unknown file in the form: the recording's field is called `file`.", {
        param: name.slice(0, 60),
        code: "unknown_parameter",
      });
    }
    if (name !== "file") fields.push({ name, value: await reader.text(MAX_FIELD_BYTES) });
    else if (audio) throw new HttpError(400, "There are two files: send one at a time.", { param: "file" });
    else audio = await readFile(reader, loading);
  }
  const request = parseParameters(fields);
  if (request.filePath !== undefined) {
    throw new HttpError(400, "file_path belongs into a JSON body, not a form.", { param: "file_path" });
  }
  if (!audio) throw missingFile();
  return { request, audio };
}

async function readJSON(
  body: BodyReader,
  settings: HandlerSettings,
  loading: LoadAudioOptions,
): Promise<Upload> {
  const text = await body.text();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new HttpError(400, "The body is not JSON.", { code: "invalid_json", cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new HttpError(400, "The body is JSON, but not an object.", { code: "invalid_json" });
  }
  const request = parseParameters(Object.entries(value).map(([name, value]) => ({ name, value })));
  if (request.filePath === undefined) throw missingFile();
  const path = request.filePath;
  const audio = await loadUnderItsName(
    { path, real: await resolveFilePath(path, settings.allowPaths) },
    (real) => loadAudio(real, loading),
  );
  return { request, audio };
}

/**
 * Reads and checks a request.
 *
 * @param reserve Is told of the memory that the recording takes, before it does; throws when there is no room.
 * @throws {HttpError} 400, 408, 413 or 415.
 * @throws {AudioError} When the recording cannot be read.
 */
export async function readUpload(
  request: Request,
  settings: HandlerSettings,
  signal: AbortSignal,
  reserve: (bytes: number) => void,
): Promise<Upload> {
  const contentType = request.headers.get("content-type") ?? "";
  const isForm = /^multipart\/form-data\s*(;|$)/i.test(contentType);
  const isJSON = /^application\/json\s*(;|$)/i.test(contentType);
  if (!isForm && !isJSON) {
    throw new HttpError(415, "Send multipart/form-data, or JSON with file_path.", {
      code: "unsupported_content_type",
    });
  }
  const maxBytes = isForm ? settings.maxUploadBytes : Math.min(MAX_JSON_BYTES, settings.maxUploadBytes);
  checkDeclaredLength(request, maxBytes);
  const body = new BodyReader(request, {
    maxBytes,
    idleSeconds: settings.bodyIdleSeconds,
    bytesPerSecond: settings.bodyBytesPerSecond,
    totalSeconds: settings.bodySeconds,
    signal,
  });
  const loading: LoadAudioOptions = { signal, maxDurationSeconds: settings.maxDurationSeconds, reserve };
  try {
    const upload = isForm
      ? await readForm(body, contentType, loading)
      : await readJSON(body, settings, loading);
    const { maxPromptTokens } = settings;
    return {
      ...upload,
      request: { ...upload.request, options: { ...upload.request.options, maxPromptTokens } },
    };
  } catch (error) {
    body.cancel();
    throw error;
  }
}
