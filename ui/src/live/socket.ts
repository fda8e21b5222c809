// One WebSocket for the tab: subscriptions with the number of the last thing heard, replay, resync, and quiet reconnection.
import type { Schemas } from "../api/client";
import { renew } from "../api/client";

export type Told =
  | Schemas["RunChanged"]
  | Schemas["RunRecord"]
  | Schemas["EventTold"]
  | Schemas["DeploymentChanged"]
  | Schemas["ReviewChanged"]
  | Schemas["LedgerGrown"]
  | Schemas["SystemSample"];
type Message = Told | Schemas["Subscribed"] | Schemas["Unsubscribed"] | Schemas["Resync"] | Schemas["Refusal"];
export type Standing = "connecting" | "live" | "reconnecting" | "paused" | "off";
export type Ear = { on: (message: Told) => void; resync?: () => void };

const LEAST_MS = 1_000;
const MOST_MS = 30_000;
const NOT_SIGNED_IN = 4401;
const NOT_ALLOWED = 4403;

/** Seconds grow twofold up to thirty, and half of each is drawn, so that many tabs don't come back at once. */
export function pause(tries: number, draw: () => number = Math.random): number {
  const most = Math.min(MOST_MS, LEAST_MS * 2 ** tries);
  return most / 2 + (draw() * most) / 2;
}

export class Live {
  private socket: WebSocket | null = null;
  private ears = new Map<string, Set<Ear>>();
  private seen = new Map<string, number>();
  private listeners = new Set<() => void>();
  private tries = 0;
  private held = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private state: Standing = "off";
  private url: string;

  constructor(url: string) {
    this.url = url;
  }

  get standing(): Standing {
    return this.state;
  }

  /** Hear when the standing changes. */
  watch = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Hear a topic until the returned function is called; the first ear opens the connection. */
  hear(topic: string, ear: Ear): () => void {
    const ears = this.ears.get(topic) ?? new Set();
    this.ears.set(topic, ears);
    ears.add(ear);
    if (ears.size === 1) this.ask("subscribe", topic);
    if (!this.socket && this.timer === undefined && !this.held) this.open();
    return () => {
      ears.delete(ear);
      if (ears.size) return;
      this.ears.delete(topic);
      this.seen.delete(topic);
      this.ask("unsubscribe", topic);
    };
  }

  /** Come back at once, as when the browser is online again. */
  hurry = (): void => {
    if (this.socket || !this.ears.size || this.held) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.open();
  };

  /** Hear nothing until `release`, which tells what was missed; what is on the screen stays as it is. */
  hold = (): void => {
    this.held = true;
    clearTimeout(this.timer);
    this.timer = undefined;
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    this.become("paused");
  };

  release = (): void => {
    this.held = false;
    this.tries = 0;
    this.become("off");
    this.hurry();
  };

  close(): void {
    this.held = false;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.ears.clear();
    this.seen.clear();
    this.socket?.close();
    this.socket = null;
    this.become("off");
  }

  private open(): void {
    this.become(this.tries ? "reconnecting" : "connecting");
    const socket = new WebSocket(this.url, ["engram.v1"]);
    this.socket = socket;
    socket.onopen = () => {
      this.tries = 0;
      this.become("live");
      for (const topic of this.ears.keys()) this.ask("subscribe", topic);
    };
    socket.onmessage = ({ data }) => {
      for (const message of JSON.parse(String(data)).messages as Message[]) this.take(message);
    };
    socket.onclose = ({ code }) => void this.lost(socket, code);
  }

  private async lost(socket: WebSocket, code: number): Promise<void> {
    if (this.socket !== socket) return;
    this.socket = null;
    if (!this.ears.size) return this.become("off");
    this.become("reconnecting");
    const wait = pause(this.tries);
    this.tries += 1;
    if ((code === NOT_SIGNED_IN || this.tries > 1) && code !== NOT_ALLOWED) await renew();
    if (this.held || this.socket || !this.ears.size) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.open();
    }, wait);
  }

  private take(message: Message): void {
    if (message.type === "error" || message.type === "unsubscribed") return;
    const ears = this.ears.get(message.topic);
    if (!ears) return;
    this.seen.set(message.topic, Math.max(this.seen.get(message.topic) ?? 0, message.seq));
    if (message.type === "subscribed") return;
    for (const ear of ears) {
      if (message.type === "resync") ear.resync?.();
      else ear.on(message);
    }
  }

  private ask(type: "subscribe" | "unsubscribe", topic: string): void {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    const since = this.seen.get(topic);
    this.socket.send(JSON.stringify({ type, topic, ...(type === "subscribe" && since !== undefined ? { since_seq: since } : {}) }));
  }

  private become(state: Standing): void {
    if (this.state === state) return;
    this.state = state;
    for (const tell of this.listeners) tell();
  }
}
