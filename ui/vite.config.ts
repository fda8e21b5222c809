import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

import { finish } from "./scripts/finish.ts";

export default defineConfig({
  plugins: [react(), finish()],
  build: {
    outDir: "../src/engram/ui/built",
    emptyOutDir: true,
    sourcemap: false,
    assetsInlineLimit: 0, // the policy of the pages takes no fonts and no scripts from data: addresses
    modulePreload: { polyfill: false },
    target: "es2022",
    rolldownOptions: {
      output: {
        // What changes seldom keeps its name from one version to the next; the rest is split by who needs it.
        // Each file is a request to one process, so icons and small parts come together.
        codeSplitting: {
          groups: [
            { name: "react", test: /node_modules[\\/](react|react-dom|scheduler)[\\/]/ },
            { name: "icons", test: /node_modules[\\/]lucide-react[\\/]/ },
            { name: "parts", test: /src[\\/]parts[\\/](Meter|now|Pill|say|Card|Text|Wait|narrow|spoken|soon)\./ },
          ],
        },
      },
    },
  },
  server: { host: "127.0.0.1", proxy: { "/api": { target: "http://127.0.0.1:3000" }, "/ws": { target: "ws://127.0.0.1:3000", ws: true } } },
  test: {
    // A busy machine is slow, not wrong.
    testTimeout: 60_000,
    environment: "node", // a test that needs a document says so in its first line
    setupFiles: ["src/test-setup.ts"],
    include: ["{src,scripts}/**/*.test.{ts,tsx}"],
    css: { include: [/theme\.css/] }, // theme.test.ts reads it
  },
});
