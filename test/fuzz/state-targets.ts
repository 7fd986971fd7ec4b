/** What the states' side reads from others: trees in YAML, catalogs on the node, sealed parcels, archives, keyrings. */
import { newSealingKey, openSealed, pack, sealTo, unpackHostile } from "@boma/protocol";
import { builtInSpecs, compileCatalog, file, Parcel, parseTree, validateCatalog } from "@boma/states";

import { readZip } from "../../packages/states/src/archive/zip.ts";
import { EXAMPLE_KEY } from "../../packages/states/src/states/apt/example-key.ts";
import { fingerprintsOf, keyringBytes } from "../../packages/states/src/states/apt/openpgp-keys.ts";
import { bytesOf, type FuzzTarget, text } from "./fuzz-target.ts";

const known = {
  grains: { os: "Debian" },
  assigned: { env: "dev" },
  node: { id: "web" },
  pillar: { port: 80, list: ["a"], deep: { a: "b" } },
};
const sealing = newSealingKey();
const motd = file.managed("/etc/motd", { contents: "hello\n", require: file.directory("/etc") });
const { catalog } = compileCatalog([motd]);
const zip = Buffer.from(
  "504b0304140000000000000021000000000000000000000000000100000061504b01021400140000000000000021000000000000000000000000000100000000000000000000000000000000006150" +
    "4b050600000000010001002f0000001f0000000000",
  "hex",
);

export const stateTargets: readonly FuzzTarget[] = [
  {
    name: "parseTree and compileCatalog",
    corpus: bytesOf(
      "- file.managed: /etc/motd\n  contents: ${pillar.port} ${grains.os}\n  require: file.directory(/etc)\n- file.directory: /etc\n",
      "- pkg.installed: nginx\n- service.running: nginx\n  watch: pkg.installed(nginx)\n  unless: [a, [b, c]]\n",
      "- file.managed: /a\n  contents: !secret file:/x\n  prereq: file.managed(/a)\n",
      "- &a [*a, *a]\n",
    ),
    run: (input) => {
      compileCatalog(parseTree(text(input), "tree.yaml", builtInSpecs)(known));
    },
  },
  {
    name: "validateCatalog of what came in a parcel",
    corpus: [pack({ catalog, secrets: { "env:A": "x" } })],
    run: (input) => {
      const read = Parcel.safeParse(unpackHostile(input));
      if (read.success) validateCatalog(read.data.catalog, builtInSpecs);
    },
  },
  {
    name: "openSealed",
    corpus: [sealTo(sealing.publicKey, Buffer.from("parcel"))],
    run: (input) => {
      openSealed(input, sealing);
    },
  },
  {
    name: "readZip",
    corpus: [new Uint8Array(zip)],
    run: (input) => {
      for (const entry of readZip(Buffer.from(input))) void entry.path;
    },
  },
  {
    name: "keyringBytes and fingerprintsOf",
    corpus: [...bytesOf(EXAMPLE_KEY), keyringBytes(EXAMPLE_KEY)],
    run: (input) => {
      fingerprintsOf(keyringBytes(text(input)));
      fingerprintsOf(input);
    },
  },
];
