import { defineConfig } from "vitest/config";

/** They start the programs as they are shipped. */
const PROGRAMS = "./test/support/build-programs.ts";

/** How long something that comes by itself is waited for: a bound for what hangs, not a measure of how fast it is. */
const expectations = { poll: { timeout: 30_000 } } as const;

export default defineConfig({
  test: {
    reporters: ["default", "./test/support/closing-line.ts"],
    projects: [
      {
        test: {
          name: "unit",
          expect: expectations,
          // Pure code: files share a worker, so that nothing is imported forty times.
          isolate: false,
          sequence: { groupOrder: 0 },
          include: ["packages/*/src/**/*.test.ts", "test/*.test.ts"],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: "system",
          expect: expectations,
          globalSetup: PROGRAMS,
          include: ["test/system/**/*.test.ts"],
          // Real servers and real agents: two files at a time keep a small machine honest.
          maxWorkers: 2,
          // After the unit tests: what is cheap to find is found first.
          sequence: { groupOrder: 1 },
          // They end what hangs; how fast things are is for the bench to say.
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      {
        test: {
          name: "hosts",
          expect: expectations,
          globalSetup: PROGRAMS,
          include: ["test/hosts/**/*.test.ts"],
          // Each file boots machines of its own; `npm run test:hosts` runs them, as root on a Debian.
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
          testTimeout: 240_000,
          hookTimeout: 240_000,
        },
      },
      {
        test: {
          name: "infra",
          expect: expectations,
          globalSetup: PROGRAMS,
          // Programs that are built from their sources, which takes an hour the first time: `npm run test:infra` does both.
          include: ["test/infra/**/*.test.ts"],
          maxWorkers: 1,
          sequence: { groupOrder: 4 },
          testTimeout: 180_000,
          hookTimeout: 600_000,
        },
      },
      {
        test: {
          name: "netboot",
          expect: expectations,
          globalSetup: PROGRAMS,
          // Whole machines in an emulator, from power-on: `npm run test:netboot` installs what they need.
          include: ["test/netboot/**/*.test.ts"],
          maxWorkers: 1,
          sequence: { groupOrder: 5 },
          testTimeout: 600_000,
          hookTimeout: 900_000,
        },
      },
      {
        test: {
          name: "scale",
          expect: expectations,
          globalSetup: PROGRAMS,
          // A thousand nodes, or as many as BOMA_SCALE says: `npm run test:scale`.
          include: ["test/scale/**/*.test.ts"],
          maxWorkers: 1,
          sequence: { groupOrder: 6 },
          // For 10,000 on two cores that others use as well.
          testTimeout: 1_800_000,
          hookTimeout: 1_800_000,
        },
      },
      {
        test: {
          name: "programs",
          expect: expectations,
          globalSetup: PROGRAMS,
          // Programs of others, which take minutes to install: `npm run test:programs` does both.
          include: ["test/programs/**/*.test.ts"],
          maxWorkers: 1,
          sequence: { groupOrder: 3 },
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
