/** Return a file's digest, counted in a worker; stopped by the signal. */
export function digestOf(file: File, read: (bytes: number) => void, signal: AbortSignal): Promise<string> {
  return new Promise((done, failed) => {
    if (signal.aborted) return failed(signal.reason);
    const worker = new Worker(new URL("./hash.worker.ts", import.meta.url), { type: "module" });
    const end = () => {
      worker.terminate();
      signal.removeEventListener("abort", stop);
    };
    const stop = () => {
      end();
      failed(signal.reason);
    };
    signal.addEventListener("abort", stop);
    worker.onmessage = ({ data }: MessageEvent<{ read?: number; digest?: string; fault?: string }>) => {
      if (data.read !== undefined) return read(data.read);
      end();
      if (data.digest) done(data.digest);
      else failed(new Error(`The file can't be read: ${data.fault}`));
    };
    worker.onerror = () => {
      end();
      failed(new Error("The file can't be read here."));
    };
    worker.postMessage(file);
  });
}
