// SHA-256 (FIPS 180-4) that takes a file piece by piece; the browser's own wants all of it in memory at once.
const BLOCK = 64;
const K = new Uint32Array(64);
const START = new Uint32Array(8);
{
  // The first 32 bits of the fractions of cube and square roots of the first primes.
  const primes: number[] = [];
  for (let one = 2; primes.length < 64; one += 1) if (primes.every((prime) => one % prime)) primes.push(one);
  const part = (root: number) => Math.floor((root - Math.floor(root)) * 2 ** 32);
  primes.forEach((prime, place) => (K[place] = part(Math.cbrt(prime))));
  primes.slice(0, 8).forEach((prime, place) => (START[place] = part(Math.sqrt(prime))));
}

export class Sha256 {
  private state = START.slice();
  private words = new Uint32Array(64);
  private rest = new Uint8Array(BLOCK);
  private held = 0;
  private bytes = 0;

  update(data: Uint8Array): void {
    this.bytes += data.length;
    let place = 0;
    if (this.held) {
      place = Math.min(BLOCK - this.held, data.length);
      this.rest.set(data.subarray(0, place), this.held);
      this.held += place;
      if (this.held < BLOCK) return;
      this.block(this.rest, 0);
      this.held = 0;
    }
    for (; place + BLOCK <= data.length; place += BLOCK) this.block(data, place);
    this.rest.set(data.subarray(place));
    this.held = data.length - place;
  }

  /** Return the digest as 64 hex digits; nothing may be added after it. */
  hex(): string {
    const bits = this.bytes * 8;
    const end = new Uint8Array((this.held < 56 ? BLOCK : 2 * BLOCK) - this.held);
    end[0] = 0x80;
    const view = new DataView(end.buffer);
    view.setUint32(end.length - 8, Math.floor(bits / 2 ** 32));
    view.setUint32(end.length - 4, bits >>> 0);
    this.update(end);
    return [...this.state].map((word) => word.toString(16).padStart(8, "0")).join("");
  }

  private block(data: Uint8Array, from: number): void {
    const w = this.words;
    for (let i = 0, at = from; i < 16; i += 1, at += 4) w[i] = (data[at]! << 24) | (data[at + 1]! << 16) | (data[at + 2]! << 8) | data[at + 3]!;
    for (let i = 16; i < 64; i += 1) {
      const [x, y] = [w[i - 15]!, w[i - 2]!];
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = w[i - 16]! + s0 + w[i - 7]! + s1;
    }
    const s = this.state;
    let a = s[0]!, b = s[1]!, c = s[2]!, d = s[3]!, e = s[4]!, f = s[5]!, g = s[6]!, h = s[7]!;
    for (let i = 0; i < 64; i += 1) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const one = (h + s1 + ((e & f) ^ (~e & g)) + K[i]! + w[i]!) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const two = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + one) | 0;
      d = c;
      c = b;
      b = a;
      a = (one + two) | 0;
    }
    s[0]! += a;
    s[1]! += b;
    s[2]! += c;
    s[3]! += d;
    s[4]! += e;
    s[5]! += f;
    s[6]! += g;
    s[7]! += h;
  }
}
