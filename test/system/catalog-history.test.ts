/** Goal: of each node the last catalogs that it was sent are kept, and nothing else: not more of them, and none of a node that is gone. */
import { randomBytes } from "node:crypto";

import type { Catalog } from "@boma/states/core";
import { jetstreamManager } from "@nats-io/jetstream";
import { describe, expect, test } from "vitest";

import { CatalogHistory } from "../../packages/master/src/catalogs/catalog-history.ts";
import { Store } from "../../packages/master/src/store/store.ts";
import { nameOf, serverPrograms, startTestBus, type TestBus } from "../support/nats.ts";

const NODE = "U" + "A".repeat(55);
const OTHER = "U" + "B".repeat(55);
const KEPT = 20;

const hashOf = (index: number): string => index.toString(16).padStart(64, "0").split("").reverse().join("");
const catalogOf = (index: number): Catalog => ({
  format: 1,
  bundle: null,
  entries: [],
  secrets: { number: String(index) },
});

async function historyOn(bus: TestBus) {
  const control = await bus.ctrl();
  const { streams } = await jetstreamManager(control, { checkAPI: false });
  const key = randomBytes(32);
  return {
    open: async () => CatalogHistory.open(await Store.open(control, key)),
    keptOf: async (node: string) =>
      Object.keys(
        (await streams.info("JOBS", { subjects_filter: `boma.jobs.catalog.${node}.*` })).state.subjects ?? {},
      ).length,
  };
}

describe.for(serverPrograms.map((program) => [nameOf(program), program] as const))("%s", ([, program]) => {
  test("the last twenty are kept, each by the beginning of its hash, also for a master that comes after", async () => {
    await using bus = await startTestBus({ program });
    const { open, keptOf } = await historyOn(bus);
    const history = await open();
    for (let index = 0; index <= KEPT; index++) await history.keep(NODE, hashOf(index), catalogOf(index));
    await history.keep(OTHER, hashOf(0), catalogOf(100));
    for (const one of [history, await open()]) {
      expect(one.list(NODE).map(({ hash }) => hash)).toEqual(
        Array.from({ length: KEPT }, (_, back) => hashOf(KEPT - back)),
      );
      expect(await one.find(NODE, hashOf(KEPT).slice(0, 8))).toEqual(catalogOf(KEPT));
      expect(await one.find(NODE, hashOf(1))).toEqual(catalogOf(1));
      await expect(one.find(NODE, hashOf(0))).rejects.toMatchObject({ code: "usage/argument" });
      expect(await one.find(OTHER, hashOf(0))).toEqual(catalogOf(100));
    }
    expect(await keptOf(NODE)).toBe(KEPT);
  });

  test("two jobs that send a node two new catalogs at once leave both", async () => {
    await using bus = await startTestBus({ program });
    const history = await (await historyOn(bus)).open();
    await Promise.all([1, 2, 3].map((index) => history.keep(NODE, hashOf(index), catalogOf(index))));
    for (const index of [1, 2, 3]) expect(await history.find(NODE, hashOf(index))).toEqual(catalogOf(index));
  });

  test("of a node that is gone none stays", async () => {
    await using bus = await startTestBus({ program });
    const { open, keptOf } = await historyOn(bus);
    const history = await open();
    for (const node of [NODE, OTHER]) await history.keep(node, hashOf(1), catalogOf(1));
    await history.forget(NODE);
    expect([await keptOf(NODE), await keptOf(OTHER)]).toEqual([0, 1]);
    expect([history.list(NODE), (await open()).list(NODE)]).toEqual([[], []]);
  });

  test("one that the jobs' stream has forgotten is said to be gone", async () => {
    await using bus = await startTestBus({ program });
    const history = await (await historyOn(bus)).open();
    await history.keep(NODE, hashOf(1), catalogOf(1));
    const { streams } = await jetstreamManager(await bus.ctrl(), { checkAPI: false });
    await streams.purge("JOBS");
    await expect(history.find(NODE, hashOf(1))).rejects.toThrow(/is not kept any more/);
  });
});
