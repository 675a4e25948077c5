/**
 * Counters in Prometheus' text format (version 0.0.4).
 *
 * @module
 */
import type { Transcript } from "../transcript.ts";

/** Upper limits of the duration buckets, in seconds. */
const DURATION_BUCKETS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800] as const;
/** Upper limits of the real-time factor's buckets. */
const FACTOR_BUCKETS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2] as const;

type Labels = Readonly<Record<string, string | number>>;

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => {
    const text = String(value).replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
    return `${name}="${text}"`;
  });
  return pairs.length > 0 ? `{${pairs.join(",")}}` : "";
}

class Histogram {
  readonly #limits: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  #count = 0;

  constructor(limits: readonly number[]) {
    this.#limits = limits;
    this.#counts = limits.map(() => 0);
  }

  observe(value: number): void {
    this.#sum += value;
    this.#count++;
    for (const [index, limit] of this.#limits.entries()) if (value <= limit) this.#counts[index]!++;
  }

  lines(name: string): string[] {
    return [
      ...this.#limits.map((limit, index) => `${name}_bucket{le="${limit}"} ${this.#counts[index]}`),
      `${name}_bucket{le="+Inf"} ${this.#count}`,
      `${name}_sum ${this.#sum}`,
      `${name}_count ${this.#count}`,
    ];
  }
}

/** Counters of realtime sessions. */
export class SessionMetrics {
  #opened = 0;
  #refused = 0;
  #audioSeconds = 0;
  readonly #turns = { completed: 0, failed: 0 };

  opened(): void {
    this.#opened++;
  }

  refused(): void {
    this.#refused++;
  }

  turn(result: "completed" | "failed"): void {
    this.#turns[result]++;
  }

  closed(audioSeconds: number): void {
    this.#audioSeconds += audioSeconds;
  }

  /** Each with its name, its help and its samples. */
  get families(): [name: string, help: string, samples: Readonly<Record<string, number>>][] {
    const p = "qwen3_asr_sessions_";
    return [
      [`${p}total`, "Realtime sessions by what became of the wish for one.", {
        [`${p}total${labelText({ result: "opened" })}`]: this.#opened,
        [`${p}total${labelText({ result: "refused" })}`]: this.#refused,
      }],
      [`${p}turns_total`, "Turns of realtime sessions by result.", {
        [`${p}turns_total${labelText({ result: "completed" })}`]: this.#turns.completed,
        [`${p}turns_total${labelText({ result: "failed" })}`]: this.#turns.failed,
      }],
      [`${p}audio_seconds_total`, "Seconds of audio in closed realtime sessions.", {
        [`${p}audio_seconds_total`]: this.#audioSeconds,
      }],
    ];
  }
}

/** What is true now, asked when the numbers are read. */
export interface Gauges {
  running: number;
  waiting: number;
  sessions: number;
  modelLoaded: boolean;
  modelLoads: number;
  weightBytes: number;
  residentBytes: number;
}

/** The counters of a server. */
export class Metrics {
  /** Those of realtime sessions. */
  readonly sessions = new SessionMetrics();
  readonly #requests = new Map<string, number>();
  readonly #duration = new Histogram(DURATION_BUCKETS);
  readonly #wait = new Histogram(DURATION_BUCKETS);
  readonly #factor = new Histogram(FACTOR_BUCKETS);
  readonly #tokens = { audio: 0, prompt: 0, generated: 0 };
  #audioSeconds = 0;
  #computeSeconds = 0;
  #aborted = 0;
  #peakBytes = 0;

  /** Books an answer. `route` is one of ours, never what a client wrote. */
  request(route: string, method: string, status: number, seconds: number): void {
    const labels = labelText({ route, method, status });
    this.#requests.set(labels, (this.#requests.get(labels) ?? 0) + 1);
    if (route === "/v1/audio/transcriptions") this.#duration.observe(seconds);
  }

  /** Books the wait for a turn. */
  waited(seconds: number): void {
    this.#wait.observe(seconds);
  }

  /** Books a request whose client went away. */
  abort(): void {
    this.#aborted++;
  }

  /** Books a finished transcription. */
  transcript({ durationSeconds, stats }: Transcript, seconds: number): void {
    this.#audioSeconds += durationSeconds;
    this.#computeSeconds += seconds;
    if (durationSeconds > 0) this.#factor.observe(seconds / durationSeconds);
    this.#tokens.audio += stats.audioTokens;
    this.#tokens.prompt += stats.promptTokens;
    this.#tokens.generated += stats.generatedTokens;
    this.#peakBytes = Math.max(this.#peakBytes, stats.peakMemoryBytes);
  }

  /** All of it as text. */
  toText(gauges: Gauges): string {
    const lines: string[] = [];
    const family = (name: string, type: string, help: string, samples: readonly string[]) => {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...samples);
    };
    const plain = (name: string, type: string, help: string, value: number) => {
      family(name, type, help, [`${name} ${value}`]);
    };
    const histogram = (name: string, help: string, values: Histogram) => {
      family(name, "histogram", help, values.lines(name));
    };
    const p = "qwen3_asr_";
    family(
      `${p}requests_total`,
      "counter",
      "Answers by route, method and status.",
      [...this.#requests].map(([labels, count]) => `${p}requests_total${labels} ${count}`),
    );
    plain(`${p}requests_aborted_total`, "counter", "Requests whose client went away.", this.#aborted);
    histogram(`${p}request_duration_seconds`, "Seconds until a transcription was answered.", this.#duration);
    histogram(`${p}queue_wait_seconds`, "Seconds that a read request waited for its turn.", this.#wait);
    histogram(`${p}real_time_factor`, "Seconds of work per second of audio.", this.#factor);
    plain(`${p}queue_running`, "gauge", "Requests that run.", gauges.running);
    plain(`${p}queue_waiting`, "gauge", "Requests that are read or wait.", gauges.waiting);
    plain(`${p}sessions_open`, "gauge", "Realtime sessions that are open.", gauges.sessions);
    for (const [name, help, samples] of this.sessions.families) {
      family(name, "counter", help, Object.entries(samples).map(([sample, value]) => `${sample} ${value}`));
    }
    plain(`${p}audio_seconds_total`, "counter", "Seconds of audio transcribed.", this.#audioSeconds);
    plain(`${p}processing_seconds_total`, "counter", "Seconds of work on them.", this.#computeSeconds);
    family(
      `${p}tokens_total`,
      "counter",
      "Tokens by kind; audio tokens are part of the prompt.",
      Object.entries(this.#tokens).map(([kind, count]) => `${p}tokens_total${labelText({ kind })} ${count}`),
    );
    plain(`${p}model_loaded`, "gauge", "1 while the model is in memory.", gauges.modelLoaded ? 1 : 0);
    plain(`${p}model_loads_total`, "counter", "Times the model was loaded.", gauges.modelLoads);
    plain(`${p}model_weight_bytes`, "gauge", "Bytes of the weights in memory.", gauges.weightBytes);
    plain(`${p}mlx_peak_memory_bytes`, "gauge", "Largest MLX memory of a call.", this.#peakBytes);
    plain("process_resident_memory_bytes", "gauge", "Resident memory of the process.", gauges.residentBytes);
    return lines.join("\n") + "\n";
  }
}
