/** What an operator asks of Docker on a node, and what is never done without being said. */
import { describe, expect, test } from "vitest";

import type { Call } from "../../define-function.ts";
import { writeHost } from "../../host/host.ts";
import { example, INFO } from "../../states/docker/example-engine.ts";
import type { GivenApi } from "../../testing/given.ts";
import { memoryHost } from "../../testing/memory-host.ts";
import prune from "./prune.ts";
import role from "./role.ts";

const PRUNES: Readonly<Record<string, GivenApi>> = {
  "POST http://docker/containers/prune": { body: { ContainersDeleted: ["abc"], SpaceReclaimed: 5 } },
  "POST http://docker/images/prune": { body: { ImagesDeleted: [{ Untagged: "old:1" }], SpaceReclaimed: 70 } },
  "POST http://docker/networks/prune": { body: { NetworksDeleted: null } },
};

function callOn(given: Parameters<typeof memoryHost>[0]): {
  readonly call: Call;
  readonly log: readonly string[];
} {
  const { ports, log } = memoryHost(given);
  return { call: { host: writeHost(ports) } as unknown as Call, log };
}
const on = (http: Readonly<Record<string, GivenApi>>) =>
  callOn({ ...example, http: { ...example.http, ...http } });

describe("docker.prune", () => {
  const params = (given: object = {}) => prune.params.parse(given);

  test("says what is gone and what that freed, and asks for no volume", async () => {
    const { call } = on(PRUNES);
    const result = await prune.run(params(), call);
    expect(result).toMatchObject({
      containers: { count: 1, names: ["abc"] },
      images: { names: ["old:1"] },
      volumes: { count: 0 },
      freedBytes: 75,
    });
    expect(prune.outcome!(prune.result.parse(result))).toBe("changed");
  });

  test("takes volumes where that is said, of every kind also from a later Docker", async () => {
    const asked: string[] = [];
    const { call } = on({
      ...PRUNES,
      "POST http://docker/volumes/prune": { body: { VolumesDeleted: ["v"] } },
    });
    const { http } = call.host;
    const listening = {
      get: async (request: Parameters<typeof http.get>[0]) =>
        request.url.endsWith("/info")
          ? { status: 200, headers: {}, body: JSON.stringify({ ...INFO, ServerVersion: "27.1.0" }) }
          : http.get(request),
      send: (change: Parameters<typeof http.send>[0]) => {
        asked.push(decodeURIComponent(change.url));
        return http.send(change);
      },
    };
    const host = { ...call.host, http: listening };
    const result = await prune.run(params({ volumes: true, olderThan: "24h" }), { ...call, host });
    expect(result).toMatchObject({ volumes: { names: ["v"] } });
    expect(asked).toContain('http://docker/volumes/prune?filters={"all":["true"]}');
    expect(asked).toContain('http://docker/containers/prune?filters={"until":["86400s"]}');
  });

  test("does not start what somebody has stopped", async () => {
    const { call } = callOn({ ...example, services: { docker: {} } });
    await expect(prune.run(params(), call)).rejects.toThrow("docker.service is inactive");
  });
});

test.each([
  [{ LiveRestoreEnabled: false }, false, /would end with it/],
  [{ LiveRestoreEnabled: true }, true, /outlive it/],
  [{ LiveRestoreEnabled: false, ContainersRunning: 0 }, true, /no container runs/],
])("docker.role of a machine that says %j", async (change, safe, why) => {
  const { call } = on({ "GET http://docker/info": { body: { ...INFO, ...change } } });
  expect(await role.run({}, call)).toEqual({ role: "host", safe, why: expect.stringMatching(why) });
});
