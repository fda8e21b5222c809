import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "dist",
    sourcemap: false,
    target: "es2022",
    rolldownOptions: {
      output: {
        // What changes seldom keeps its name from one version to the next; the rest is split by who needs it.
        codeSplitting: { groups: [{ name: "react", test: /node_modules[\\/](react|react-dom|scheduler)[\\/]/ }] },
      },
    },
  },
  server: { host: "127.0.0.1", proxy: { "/api": { target: "http://127.0.0.1:3000" }, "/ws": { target: "ws://127.0.0.1:3000", ws: true } } },
  test: { environment: "jsdom", setupFiles: ["src/test-setup.ts"], include: ["src/**/*.test.{ts,tsx}"] },
});
