import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { ReadHost } from "../../host/host.ts";
import { type Access, read } from "./api.ts";
import { exchange, ringOf } from "./keyring.ts";
import { access, GossipKey } from "./parameters.ts";

/** As serf counts them. */
const FAILED = 4;

interface Properties {
  /** `3 of 4 members`. */
  key: string;
  others: number;
}

export default defineState({
  name: "consul.gossip-key",
  summary: "The key that all members of a cluster encrypt their gossip with; declared on one server.",
  stage: "consul",
  key: "cluster",
  params: z.strictObject({
    cluster: z
      .string()
      .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/)
      .describe("The datacenter."),
    key: GossipKey.describe('The key: `secret("gen:consul-gossip?len=32")`.'),
    retire: z
      .boolean()
      .default(false)
      .describe(
        "Take all other keys away, once every member uses this one. Who was off meanwhile cannot come back by itself.",
      ),
    ...access,
  }),
  secretive: ["key", "token"],
  claims: () => ["consul:gossip"],
  after: () => ["consul:ready", "consul:bootstrap"],
  timeoutMs: 5 * 60_000,

  async check({ key, retire, ...at }, host) {
    const { members, using, others } = await ringOf(host, at, key);
    return diff<Partial<Properties>>(
      { key: used(using, members), others },
      { key: used(members, members), others: retire ? 0 : undefined },
    );
  },

  async blocked({ retire, ...at }, host) {
    return retire ? absent(host, at) : undefined;
  },

  async apply(_, { key, retire, ...at }, host) {
    const why = retire ? await absent(host, at) : undefined;
    if (why !== undefined) throw new BomaError("state/blocked", why);
    await exchange(host, at, { key, retire });
  },

  examples: [
    {
      title: "a new key in place of the one before",
      key: "dc1",
      params: { key: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", retire: true },
      given: {
        http: {
          "GET http://127.0.0.1:8500/v1/agent/members": { body: [{ Name: "a", Status: 1 }] },
          "GET http://127.0.0.1:8500/v1/operator/keyring": keyringOf({ old: 3 }, { old: 3 }),
          "POST http://127.0.0.1:8500/v1/operator/keyring": {
            makes: {
              "GET http://127.0.0.1:8500/v1/operator/keyring": (sent) =>
                keyringOf({ old: 3, [keyIn(sent)]: 3 }, { old: 3 }),
            },
          },
          "PUT http://127.0.0.1:8500/v1/operator/keyring": {
            makes: {
              "GET http://127.0.0.1:8500/v1/operator/keyring": (sent) =>
                keyringOf({ old: 3, [keyIn(sent)]: 3 }, { [keyIn(sent)]: 3 }),
            },
          },
          "DELETE http://127.0.0.1:8500/v1/operator/keyring": {
            makes: {
              "GET http://127.0.0.1:8500/v1/operator/keyring": keyringOf(
                { "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=": 3 },
                { "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=": 3 },
              ),
            },
          },
        },
      },
    },
  ],
});

function keyringOf(keys: Readonly<Record<string, number>>, primary: Readonly<Record<string, number>>) {
  return { body: [{ WAN: false, NumNodes: 3, Keys: keys, PrimaryKeys: primary }] };
}
function keyIn(sent: string): string {
  return (JSON.parse(sent) as { readonly Key: string }).Key;
}

const used = (count: number, members: number): string => `used by ${count} of ${members} members`;

/** A member that is away has only the old keys when it comes back, and would be locked out. */
async function absent({ http }: ReadHost, at: Access): Promise<string | undefined> {
  const members =
    (await read<readonly { Name: string; Status: number }[]>(http, at, "/v1/agent/members")) ?? [];
  const away = members.filter(({ Status: status }) => status === FAILED).map(({ Name: name }) => name);
  if (away.length === 0) return undefined;
  return `the old keys cannot go while members are away: ${away.slice(0, 10).join(", ")}`;
}
