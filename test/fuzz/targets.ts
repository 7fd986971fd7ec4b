/**
 * The doors at which bytes or text of a stranger come in, each with inputs that
 * are nearly right. What must hold at every one of them: the answer is a value
 * or a BomaError, and never another throw.
 */
import {
  ApiAnswer,
  ApiRequest,
  AuditHead,
  BomaError,
  Bundle,
  DestructivePermit,
  EnrolAnswer,
  EnrolAsk,
  FeedItem,
  Image,
  Call,
  Mailbox,
  MasterAsk,
  MasterRekeyed,
  MasterWelcome,
  type MessageKind,
  newBootToken,
  newNkey,
  newSealingKey,
  newSigningKey,
  NodeEvent,
  NodeGrains,
  NodeHello,
  NodeProgress,
  NodeRekey,
  NodeReturn,
  open,
  pack,
  parseDuration,
  parseInventory,
  parseNodegroups,
  parseTarget,
  parseToken,
  printBootToken,
  printJoinToken,
  proposeNodeId,
  readFrame,
  readManifest,
  seal,
  selectNodes,
  signBytes,
  signManifest,
  splitManifest,
  splitWords,
  TrustManifest,
  unpackHostile,
  withManifest,
} from "@boma/protocol";
import { functions, readArguments } from "@boma/states";

import { bootTargets } from "./boot-targets.ts";
import { bytesOf, type FuzzTarget, text } from "./fuzz-target.ts";
import { damage, type Random } from "./random.ts";
import { stateTargets } from "./state-targets.ts";

const key = newSigningKey();

/** Runs one input; only a BomaError may come out, and it must be one of the table. */
export function runInput(target: FuzzTarget, input: Uint8Array, random: Random): void {
  try {
    target.run(input, random);
  } catch (thrown) {
    if (!(thrown instanceof BomaError) || thrown.code === "internal") throw thrown;
  }
}

const id = "0123456789ABCDEFGHJKMNPQRS";
const nonce = new Uint8Array(16);
const nkey = newNkey.user().publicKey;
const threeKeys = { nkey, sign: key.publicKey, seal: newSealingKey().publicKey };
const order = {
  job: id,
  function: "test.echo",
  args: { text: "x" },
  issuedAt: 1,
  expiresAt: 2,
  timeoutMs: 3,
  test: false,
  operator: "admin",
};
const manifest = {
  serial: 1,
  masters: [{ name: "m", sign: key.publicKey, seal: key.publicKey }],
  versionMin: 1,
};
const grains = { os: "Debian", disks: ["sda"], ram: 64, none: null, deep: { a: { b: [true] } } };
const hello = {
  session: "s",
  start: 1,
  bootId: "b",
  agentVersion: "1",
  speaks: [1],
  grains: "g",
  wantsCredential: false,
};
const welcome = {
  nonce,
  time: 1,
  id: "web",
  assigned: { env: "dev" },
  assignedRevision: 1,
  rekey: false,
  duplicate: false,
};
const claims = { hostname: "web", arch: "arm64", macs: ["aa:bb"], wants: { env: "dev" } };
const returned = { job: id, status: "ok", value: [1, "a"], startedAt: 1, ms: 2, cut: false };
const progress = {
  job: id,
  part: 0,
  accepted: true,
  lines: [{ stream: "stdout", text: "hi" }],
  steps: [{ id: "a", index: 0, total: 1, result: "ok", ms: 1 }],
  dropped: 0,
};

const permit = {
  id: "a".repeat(32),
  action: "disk.wipe",
  resource: "/dev/disk/by-id/wwn-0x5000c500a1b2c3d4",
  digest: "b".repeat(64),
  serial: "ZA1",
  bytes: 4_000_787_030_016,
  operator: "ann",
  reason: "decommissioned",
  job: id,
};

const file = { digest: "a".repeat(64), bytes: 3 };
const image = {
  name: "live-amd64",
  arch: "amd64",
  root: Uint8Array.from({ length: 32 }, (_, at) => at),
  files: { kernel: file, initrd: file },
  rootBytes: 2,
  kernelVersion: "6.1.0-41-amd64",
  agentVersion: "0.1.0",
  packages: [{ name: "bash", version: "5.2", digest: "b".repeat(64) }],
};

/** One valid body of each kind that travels; a kind that is missing here fails the test beside it. */
export const bodies: readonly (readonly [MessageKind<never>, unknown])[] = [
  [ApiRequest, { verb: "nodes.list", args: { target: "*" }, session: "s" }],
  [ApiAnswer, { nonce, result: { a: [1] }, error: { code: "c", message: "m", hint: "h" }, feed: false }],
  [FeedItem, { part: 0, items: [1, { a: null }], end: {} }],
  [EnrolAsk, { ...threeKeys, id: "web", agentVersion: "1", claims, token: { id: "t", proof: nonce } }],
  [EnrolAnswer, { status: "approved", nonce, time: 1, id: "web", assigned: { env: "dev" }, credential: "c" }],
  [NodeHello, hello],
  [MasterWelcome, welcome],
  [NodeRekey, { ...threeKeys, possession: new Uint8Array(64) }],
  [MasterRekeyed, { nonce, credential: "c" }],
  [MasterAsk, { question: "who" }],
  [NodeReturn, returned],
  [NodeProgress, progress],
  [NodeGrains, { revision: "r", grains }],
  [NodeEvent, { kind: "node.started", data: { version: "0.1.0", start: 1 } }],
  [Mailbox, { number: 1, jobs: [order], cancelled: [id] }],
  [Call, order],
  [AuditHead, { chain: "c", n: 1, hash: "a".repeat(64) }],
  [TrustManifest, manifest],
  [DestructivePermit, permit],
  [Bundle, { digest: "a".repeat(64), bytes: 3, api: 1, states: ["acme.word"] }],
  [Image, image],
].map(([kind, body]) => [kind as MessageKind<never>, body] as const);

/** The body's bytes are damaged, and the damage is then signed: only so does it get past the signature. */
const signedDamage = (kind: MessageKind<never>, packed: Uint8Array): Uint8Array => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(packed.length);
  const signature = signBytes(Buffer.concat([Buffer.from(`boma/1/${kind.kind}\0`), packed]), key);
  const head = Buffer.concat([
    Buffer.from("boma"),
    Buffer.from([1, kind.kind.length]),
    Buffer.from(kind.kind),
  ]);
  return Buffer.concat([head, key.publicKey, signature, length, packed]);
};

const opening = { trusts: () => true, to: "master", now: 0 } as const;

const openTargets = bodies.flatMap(([kind, body]): FuzzTarget[] => {
  const frame = seal(kind, body as never, { to: "master", key, now: 0 });
  const { bytes } = readFrame(frame);
  return [
    {
      name: `open(${kind.kind}), the frame damaged`,
      corpus: [frame],
      run: (input) => {
        open(kind, input, opening);
      },
    },
    {
      name: `open(${kind.kind}), damaged and then signed`,
      corpus: [new Uint8Array(bytes)],
      run: (input, random) => {
        open(kind, signedDamage(kind, damage(input, random)), opening);
      },
    },
  ];
});

const reference = (code: number, n: number): number[] => [0xd6, code, 0, 0, 0, n];
/** Ten references to the list before, nine times over: it was ten to the eighth visits once. */
const bomb = [0x99, ...reference(0x69, 0), 0x91, 1];
for (let n = 1; n < 9; n++)
  bomb.push(...reference(0x69, n), 0x9a, ...Array.from({ length: 10 }, () => reference(0x70, n - 1)).flat());

const kit = {
  servers: ["tls://10.0.0.1:4222"],
  root: key.publicKey,
  enrolAccount: newNkey.account().publicKey,
  enrolSeed: newNkey.account().seed,
};
const token = newBootToken();
const signedManifest = signManifest(manifest, key);

const byteTargets: readonly FuzzTarget[] = [
  {
    name: "readFrame",
    corpus: [seal(MasterAsk, { question: "who" }, { to: "-", key })],
    run: (input) => {
      readFrame(input);
    },
  },
  {
    name: "unpackHostile",
    corpus: [
      pack({ a: [1, 300, -70_000, 1.5, "é", new Uint8Array(300)], b: grains }),
      Uint8Array.from(bomb),
      new Uint8Array(100_000).fill(0x91),
      Uint8Array.of(0xdd, 255, 255, 255, 255),
      Uint8Array.of(0xd4, 0x72, 0x41, 0x91, 0xa1, 0x61, 5),
      new Uint8Array(Buffer.from("81a95f5f70726f746f5f5f81a16101", "hex")),
    ],
    run: (input) => {
      unpackHostile(input);
    },
  },
  {
    name: "splitManifest and readManifest",
    corpus: [withManifest(signedManifest, Buffer.from("frame"))],
    run: (input) => {
      readManifest(splitManifest(input).manifest, key.publicKey);
    },
  },
];

const nodes = [
  { id: "web-01", grains, assigned: { env: "dev", role: ["web", "db"] }, pillar: {} },
  { id: "db", grains: undefined, assigned: undefined, pillar: undefined },
];
const expressions = bytesOf(
  "env:dev and not (web* or L@a,b)",
  "G@os:Debian or P@os:(De|Ub).* or E@web-[0-9]+",
  "ram>=64GiB and disks:s* or S@10.0.0.0/8 or N@group",
  "claimed.deep:a:b:true and assigned.role:web I@x:y J@x:^a+$",
  "E@(a|a)*b(c{1,9}){1,9}$",
  "((((((((a))))))))",
  "not ".repeat(60) + "a",
);

const textTargets: readonly FuzzTarget[] = [
  {
    name: "parseTarget and selectNodes",
    corpus: expressions,
    run: (input) => {
      selectNodes(parseTarget(text(input)), nodes, new Map([["group", parseTarget("web*")]]));
    },
  },
  {
    name: "parseNodegroups",
    corpus: expressions,
    run: (input) => {
      parseNodegroups({ one: text(input), two: "N@one or web*", [text(input).slice(0, 20)]: "N@two" });
    },
  },
  {
    name: "parseInventory",
    corpus: bytesOf(JSON.stringify({ nodes: { web: { grains, assigned: {} } }, nodegroups: { all: "*" } })),
    run: (input) => {
      let json: unknown;
      try {
        json = JSON.parse(text(input));
      } catch {
        return;
      }
      parseInventory(json);
    },
  },
  {
    name: "parseToken",
    corpus: bytesOf(printBootToken(token), printJoinToken(kit, token), printJoinToken(kit)),
    run: (input) => {
      parseToken(text(input));
    },
  },
  {
    name: "splitWords",
    corpus: bytesOf(`a 'b c' "d \\"e\\"" f\\ g`, `"${'\\"'.repeat(2000)}`, "'".repeat(99), "\\".repeat(99)),
    run: (input) => {
      splitWords(text(input));
    },
  },
  {
    name: "parseDuration",
    corpus: bytesOf("250ms", "1.5h", "9".repeat(400), "0.0s"),
    run: (input) => {
      const ms = parseDuration(text(input));
      if (!Number.isSafeInteger(ms) || ms < 0) throw new Error(`${ms} is no duration`);
    },
  },
  {
    name: "proposeNodeId",
    corpus: bytesOf("Web_01.Example.ORG", "-".repeat(80), ""),
    run: (input) => {
      const proposed = proposeNodeId(text(input));
      if (!/^[a-z0-9][a-z0-9._-]{0,62}$/.test(proposed)) throw new Error(`${proposed} is no id`);
    },
  },
  ...Object.values(functions).map((spec): FuzzTarget => ({
    name: `readArguments of ${spec.name}`,
    corpus: bytesOf(
      "a b=c -- d",
      'command=["a"] shell=true env={"__proto__":"x"}',
      "seconds=1e999",
      "keys=[] text=null",
    ),
    run: (input) => {
      readArguments(spec, splitWords(text(input)));
    },
  })),
];

export const targets: readonly FuzzTarget[] = [
  ...openTargets,
  ...byteTargets,
  ...textTargets,
  ...stateTargets,
  ...bootTargets,
];
