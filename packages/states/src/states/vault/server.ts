import { z } from "zod";

import { EXPOSURES, type PortNeed } from "../../catalog/needs.ts";
import { type Changes, diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { inTheWay, own, ownersOf, statAs } from "../file/ownership.ts";
import { aboveOf } from "../file/parameters.ts";
import { makeDirectories } from "../owned-file.ts";
import { assertAccepted } from "./accepted.ts";
import { configPath, Directory, FlavorOf, namesOf } from "./flavor.ts";
import { configOf, shownConfig, textOf } from "./server-config.ts";
import { circle, HostPort, HttpUrl, isLoopback, Listener, portOf, Seal, Storage } from "./storage.ts";

const Ttl = z.string().regex(/^\d+[smhd]$/, "a time such as `768h`");
const Token = z.string().min(1);
const Audit = z.strictObject({
  type: z.enum(["file", "syslog", "socket"]),
  description: z.string().optional(),
  options: z.record(z.string(), z.string()).default({}),
});

const params = z
  .strictObject({
    name: z
      .string()
      .regex(/^[\w.-]{1,64}$/, "letters, digits and `_.-`")
      .describe("What this server is called."),
    flavor: FlavorOf,
    directory: Directory.optional(),
    storage: Storage.describe(
      "Where it keeps what it keeps: a directory (`file`), a directory shared with peers (`raft`), or Consul.",
    ),
    listeners: z
      .array(Listener)
      .min(1)
      .max(10)
      .describe("Where it listens; without `tls` on a loopback address only."),
    apiAddr: HttpUrl.describe("The address under which its clients and peers reach it."),
    clusterAddr: HttpUrl.optional().describe("The address under which its peers reach it among themselves."),
    clusterName: z.string().optional().describe("What the cluster is called."),
    ui: z.boolean().default(false).describe("Whether it serves its pages for people."),
    mlock: z
      .boolean()
      .optional()
      .describe("Whether its memory is kept out of swap; yes where it is not said, but not with raft."),
    defaultLeaseTtl: Ttl.optional().describe("How long what it gives out is good for, where it is not said."),
    maxLeaseTtl: Ttl.optional().describe("How long at most."),
    registration: z
      .strictObject({ address: HostPort.default("127.0.0.1:8500"), service: z.string().default("vault") })
      .optional()
      .describe("The Consul with which it registers itself."),
    seal: Seal.default({ type: "shamir" }).describe(
      "What opens it after a start: people with their shares (`shamir`), or a service.",
    ),
    audit: z
      .record(z.string().regex(/^[\w.-]+\/$/, "a path that ends with a slash"), Audit)
      .optional()
      .describe(
        "Where it writes what was asked of it, by path. OpenBao only; for Vault it is vault.audit-device.",
      ),
    consulToken: Token.optional().describe("The token for Consul, as storage or for the registration."),
    transitToken: Token.optional().describe("The token for the Vault that opens this one."),
    exposure: z
      .enum(EXPOSURES)
      .default("lan")
      .describe("Who may reach it, where it does not listen on loopback."),
    from: z.array(z.string()).optional().describe("Only these networks, within what the exposure lets in."),
  })
  .superRefine((want, context) => {
    const wrong = (path: string, message: string): void =>
      context.addIssue({ code: "custom", path: [path], message });
    const turns = circle(want.seal, want);
    if (turns !== undefined) wrong("seal", turns);
    if (want.storage.type === "raft" && want.clusterAddr === undefined)
      wrong("clusterAddr", "raft has peers, and they must know where this one is");
    if (want.registration && want.storage.type === "file")
      wrong(
        "registration",
        "a directory serves one Vault alone, and that one does not start with a registration",
      );
    if (want.storage.type === "consul" && !isLoopback(want.storage.address))
      wrong("storage", "Consul is asked by its agent on this machine: the token would travel in the clear");
    if (want.registration && !isLoopback(want.registration.address))
      wrong(
        "registration",
        "Consul is told by its agent on this machine: the token would travel in the clear",
      );
    if (want.flavor === "openbao" && (want.storage.type === "consul" || want.registration))
      wrong("storage", "OpenBao has no Consul storage and registers with none: `file` or `raft`");
    if (want.flavor === "vault" && want.audit)
      wrong("audit", "Vault takes audit devices by its API only: declare vault.audit-device");
    if (want.seal.type === "transit" && want.transitToken === undefined)
      wrong("transitToken", "without a token it is not opened");
  });
type Want = z.output<typeof params>;

interface Properties {
  config: string;
  consulToken: string;
  transitToken: string;
  mode: string;
  owner: string;
  group: string;
}

const MODE = "0640";
const directoryOf = ({ directory, flavor }: Pick<Want, "directory" | "flavor">): string =>
  directory ?? namesOf(flavor).directory;
const pathOf = (want: Pick<Want, "directory" | "flavor">): string => configPath(directoryOf(want));
const ownershipOf = ({ flavor }: Pick<Want, "flavor">) => ({
  owner: "root",
  group: namesOf(flavor).account,
  mode: MODE,
});

export default defineState({
  name: "vault.server",
  summary: "The configuration of a server of Vault or OpenBao, which the program itself has read first.",
  key: "name",
  params,
  secretive: ["consulToken", "transitToken"],
  stage: "vault",
  timeoutMs: 2 * 60_000,
  claims: (want) => [
    `file:${pathOf(want)}`,
    ...want.listeners.map(({ address }) => `port:tcp/${portOf(address)}`),
  ],
  after: (want) => [
    ...aboveOf(pathOf(want)),
    ...ownersOf(ownershipOf(want)),
    `pkg:${namesOf(want.flavor).package}`,
  ],
  needs: portsOf,
  awaits: ({ storage, registration }) =>
    storage.type === "consul" || registration
      ? ["time", "network", "firewall", "consul"]
      : ["time", "network", "firewall"],

  async check(want, { files }) {
    const path = pathOf(want);
    const now = await statAs(files, path, "file");
    const is = now ? await files.readText(path) : undefined;
    const should = textOf(configOf(want));
    return diff<Properties>(now && { ...shownOf(is!), mode: now.mode, owner: now.owner, group: now.group }, {
      ...shownOf(should),
      ...tokensOf(is, want),
      ...ownershipOf(want),
    } as Properties) as Changes<Properties>;
  },

  blocked: (want, host) => inTheWay({ path: pathOf(want), createDirs: true, ...ownershipOf(want) }, host),

  async apply(changes, want, host) {
    const path = pathOf(want);
    if (!changes.config && !changes.consulToken && !changes.transitToken)
      return own(host.files, path, changes);
    await assertAccepted(host, want.flavor, shownConfig(textOf(configOf(want))));
    await makeDirectories(host.files, directoryOf(want));
    await host.files.write(path, textOf(configOf(want)), ownershipOf(want));
  },

  examples: [
    {
      title: "one server with a directory of its own, reached from this machine only",
      key: "vault1",
      params: {
        storage: { type: "file", path: "/opt/vault/data" },
        listeners: [{ address: "127.0.0.1:8200" }],
        apiAddr: "http://127.0.0.1:8200",
      },
      given: { groups: { vault: {} } },
    },
    {
      title: "one of three, opened by another Vault",
      key: "vault1",
      params: {
        storage: {
          type: "raft",
          path: "/opt/vault/data",
          nodeId: "vault1",
          retryJoin: [
            { leaderApiAddr: "https://vault2.lan:8200" },
            { leaderApiAddr: "https://vault3.lan:8200" },
          ],
        },
        listeners: [
          {
            address: "0.0.0.0:8200",
            tls: { certFile: "/etc/vault.d/tls/fullchain.pem", keyFile: "/etc/vault.d/tls/privkey.pem" },
          },
        ],
        apiAddr: "https://vault1.lan:8200",
        clusterAddr: "https://vault1.lan:8201",
        seal: { type: "transit", address: "https://askari.lan:8200", keyName: "vault1" },
        transitToken: "hvs.only-for-this-key",
      },
      given: {
        groups: { vault: {} },
        files: { "/etc/vault.d/boma.json": { contents: '{"token":"old"}', mode: "0600" } },
        commands: { vault: { stdout: '{"name":"Vault Diagnose","status":"ok"}' } },
      },
    },
  ],
});

/** What is shown of a configuration. Whether a token is another one is said; neither of the two is. */
const shownOf = (text: string): { config: string } => ({ config: shownConfig(text) });

function tokensOf(is: string | undefined, want: Want): Partial<Properties> {
  const kept = new Set(is === undefined ? [] : tokensIn(is));
  const changed: Partial<Properties> = {};
  for (const name of ["consulToken", "transitToken"] as const) {
    const token = want[name];
    if (token !== undefined && !kept.has(token)) changed[name] = "the one that is declared";
  }
  return changed;
}

function tokensIn(text: string): string[] {
  const found: string[] = [];
  try {
    JSON.parse(text, (key, value: unknown) => {
      if (key === "token" && typeof value === "string") found.push(value);
      return value;
    });
  } catch {
    return [];
  }
  return found;
}

/** Of listeners on loopback nobody else needs to know. Peers have a port of their own, said or not: the next one. */
function portsOf({ listeners, storage, exposure, from }: Want): PortNeed[] {
  const whom = { proto: "tcp" as const, exposure, ...(from && { from }) };
  const open = listeners.filter(({ address }) => !isLoopback(address));
  const api = open.map(({ address }) => ({ name: "vault", port: portOf(address), ...whom }));
  if (storage.type === "file") return api;
  const peers = new Set(
    open.map(({ address, clusterAddress }) => portOf(clusterAddress ?? address) + (clusterAddress ? 0 : 1)),
  );
  return [...api, ...[...peers].map((port) => ({ name: "vault-cluster", port, ...whom }))];
}
