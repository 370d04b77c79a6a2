import { defineConfig } from "vitest/config";

// One browser and one server after the other: two cores draw in software here.
export default defineConfig({
  test: {
    dir: "test/browser",
    testTimeout: 120_000,
    hookTimeout: 180_000,
    fileParallelism: false,
  },
});
