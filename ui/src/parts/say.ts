// Numbers, times and states in words, the same everywhere.
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** Four significant figures, as people compare them: 0.9127, 12.40, 1,204. */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1000) return String(value);
  if (size >= 1000) return whole.format(value);
  if (size !== 0 && size < 0.001) return value.toExponential(2);
  return value.toFixed(size >= 100 ? 1 : size >= 10 ? 2 : 4);
}

/** A probability in percent, never rounded to certain: 99.3 %, <0.1 %, >99.9 %. */
export function percent(share: number): string {
  if (share > 0 && share < 0.001) return "<0.1 %";
  if (share < 1 && share > 0.999) return ">99.9 %";
  return `${(100 * share).toFixed(1)} %`;
}

/** A difference with its sign; a true minus, as wide as the plus. */
export function signed(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  return (value === 0 ? "±" : value < 0 ? "−" : "+") + number(Math.abs(value));
}

export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let place = 0;
  while (value >= 1000 && place < units.length - 1) {
    value /= 1000;
    place += 1;
  }
  return `${place && value < 100 ? value.toFixed(1) : Math.round(value)} ${units[place]}`;
}

/** How long, in at most two units: 51 s, 18 min, 2 h 5 min, 3 d 4 h. */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  const m = Math.floor(s / 60);
  if (m < 60) return m < 10 && s % 60 ? `${m} min ${s % 60} s` : `${m} min`;
  const h = Math.floor(m / 60);
  if (h < 24) return m % 60 ? `${h} h ${m % 60} min` : `${h} h`;
  return h % 24 ? `${Math.floor(h / 24)} d ${h % 24} h` : `${Math.floor(h / 24)} d`;
}

export function ago(time: string, now: number): string {
  const seconds = (now - Date.parse(time)) / 1000;
  return seconds < 5 ? "just now" : `${duration(seconds < 60 ? seconds : 60 * Math.floor(seconds / 60))} ago`;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" });
export const at = (time: string): string => clock.format(new Date(time));
export const on = (time: string): string => day.format(new Date(time));

/** The beginning and end of a digest, enough to tell two apart. */
export function short(digest: string): string {
  const hex = digest.replace(/^sha256:/, "");
  return hex.length > 16 ? `${hex.slice(0, 8)}…${hex.slice(-4)}` : hex;
}

export type Tone = "run" | "ok" | "warn" | "bad" | "idle";
const TONES: Record<string, Tone> = {
  queued: "idle",
  running: "run",
  cancelling: "warn",
  lost_contact: "warn",
  paused: "idle",
  preempted: "idle",
  awaiting_review: "warn",
  published: "ok",
  refused: "bad",
  failed_user: "bad",
  failed_platform: "bad",
  cancelled: "idle",
};
const WORDS: Record<string, string> = {
  lost_contact: "Lost contact",
  awaiting_review: "Waits for review",
  failed_user: "Failed: input",
  failed_platform: "Failed: platform",
};
export const tone = (state: string): Tone => TONES[state] ?? "idle";
export const words = (state: string): string => WORDS[state] ?? state.charAt(0).toUpperCase() + state.slice(1).replaceAll("_", " ");
