import { type EventKind, type SequencedEvent, pack } from "@boma/protocol";
import type { CatalogEntry } from "@boma/states/core";
import { describe, expect, test } from "vitest";

import { adoption } from "./adoption.ts";
import { afterEvent, type DriftedResource, type DriftRecord } from "./drift-record.ts";

let sequence = 0;
const event = (kind: EventKind, data: object): SequencedEvent =>
  ({ kind, data, sequence: ++sequence, at: 1000, uid: "u", node: "K" }) as unknown as SequencedEvent;
const found = (change: object = {}) =>
  event("drift.found", {
    resource: "a.b(c)",
    catalog: "h",
    mode: "observe",
    changes: {},
    comment: "",
    since: 500,
    sinceBy: "change",
    who: [],
    trigger: "schedule",
    ...change,
  });
const added = (...events: readonly SequencedEvent[]): DriftRecord =>
  events.reduce<DriftRecord | undefined>((record, one) => afterEvent("K", record, one), undefined)!;

describe("what a node says of its drift", () => {
  test("counts once, however often it is read", () => {
    const [one, two] = [
      found(),
      event("drift.healed", { resource: "a.b(c)", catalog: "h", by: "job", since: 1 }),
    ];
    expect(added(one, two, one)).toEqual(added(one, two));
    expect(added(one, two).resources).toEqual([]);
  });

  test("takes no more room than one record has, whatever is in it", () => {
    const long = "x".repeat(2000);
    const changes = Object.fromEntries(
      Array.from({ length: 100 }, (_, n) => [`p${n}`, { from: { deep: [long, 10n] }, to: long, diff: long }]),
    );
    let record: DriftRecord | undefined;
    for (let n = 0; n < 250; n++)
      record = afterEvent(
        "K",
        record,
        found({ resource: `${"r".repeat(4900)}${n}`, changes, comment: long, who: [long, long, long, long] }),
      );
    expect(pack(record).length).toBeLessThan(700 * 1024);
    expect(record!.resources.length + record!.more).toBe(250);
    expect(record!.resources[0]).toMatchObject({ cut: true });
  });

  test("keeps who it was, and no more of it than fits a line", () => {
    const { who } = added(found({ who: ["ben with sudo", "x".repeat(2000)] })).resources[0]!;
    expect(who).toEqual(["ben with sudo", `${"x".repeat(300)}…`]);
  });

  test("from a clock that runs ahead is not of the future", () => {
    expect(added(found({ since: 9e15 })).resources[0]!.since).toBe(1000);
  });

  test("a failure goes with the next look that has none, and with the finding of the same declaration", () => {
    const failed = event("drift.failed", { resource: "a.b(c)", catalog: "h", comment: "no such program" });
    expect(added(failed).failed).toHaveLength(1);
    expect(added(failed, found()).failed).toEqual([]);
    const look = (count: number) =>
      event("drift.checked", { catalog: "h", checked: 1, drifted: 1, failed: count, ms: 1, enforced: 0 });
    expect(added(failed, look(1)).failed).toHaveLength(1);
    expect(added(failed, look(0)).failed).toEqual([]);
  });
});

describe("a proposal to adopt", () => {
  const entry: CatalogEntry = {
    id: "app.config(web)",
    state: "app.config",
    key: "web",
    params: {
      name: "web",
      port: 80,
      password: { $secret: "file:db" },
      dsn: { $text: ["pg://u:", { $secret: "file:db" }, "@h`${x}"] },
      tags: ["a"],
    },
    requisites: {},
    after: [],
  };
  const drifted = (changes: DriftedResource["changes"], cut = false): DriftedResource => ({
    resource: entry.id,
    catalog: "h",
    mode: "adopt",
    changes,
    cut,
    comment: "",
    since: 0,
    who: [],
  });

  test("has the values that are there, and secrets as the references that they were", () => {
    expect(
      adoption(entry, drifted({ port: { from: 8080, to: 80 }, tags: { from: ["a", "b"], to: ["a"] } })),
    ).toBe(
      [
        '// "app.config(web)"',
        'app.config("web", {',
        "  port: 8080,",
        '  password: secret("file:db"),',
        '  dsn: text`pg://u:${secret("file:db")}@h\\`\\${x}`,',
        '  tags: ["a", "b"],',
        "}),",
        "",
      ].join("\n"),
    );
  });

  test.each<[string, DriftedResource, string]>([
    [
      "a secret",
      drifted({ password: { from: "(masked)", to: "(masked)" } }),
      '"password": it holds a secret',
    ],
    [
      "a text of which only the lines that differ are known",
      drifted({ port: { diff: "-1\n+2" } }),
      '"port": only the lines that differ',
    ],
    [
      "what no parameter says",
      drifted({ running: { from: false, to: true } }),
      '"running": it is false on the node, and no parameter',
    ],
    [
      "another kind of value",
      drifted({ port: { from: "eighty", to: 80 } }),
      '"port": it is "eighty" on the node, which is not',
    ],
    [
      "a node that names a secret in a list",
      drifted({ tags: { from: [{ $secret: "vault:db#password" }], to: ["a"] } }),
      '"tags": it is [{"$secret":"vault:db#password"}] on the node, which reads like',
    ],
    [
      "a node that names one in a text",
      drifted({ tags: { from: { $text: ["a", { $secret: "file:other" }] }, to: ["a"] } }),
      '"tags": it is {"$text":["a",{"$secret":"file:other"}]} on the node, which reads like',
    ],
    ["what was too long", drifted({ port: { from: 1, to: 80 } }, true), '"port": what is there is too long'],
    ["what is gone", drifted({ port: { to: 80 }, tags: { to: ["a"] } }), "It is not there at all"],
  ])("says of %s that it cannot be known, and does not guess", (_what, one, remark) => {
    const text = adoption(entry, one);
    expect(text).toContain(`// ${remark}`);
    for (const name of Object.keys(one.changes)) expect(text).not.toMatch(new RegExp(`^  ${name}:`, "m"));
  });
});
