/** A site to begin with: it says by its comments what goes where. Nothing that is there is overwritten. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { writeSiteTypes } from "./site/site-types.ts";

/** What the first server becomes of itself. */
export const STARTER_PROFILE = "bootstrap-server";

const files: Readonly<Record<string, string>> = {
  "README.md": `# Your site

What your fleet should be, as files that you keep in git.

| here | goes |
|---|---|
| \`top.ts\` | which trees are for whom |
| \`states/\` | trees, in TypeScript or YAML, and your own kinds of states |
| \`pillar/\` | data for trees, by what was assigned |
| \`profiles/\` | what a machine becomes when it joins: roles and assigned grains |
| \`reactors/\` | what happens by itself when something else happens |
| \`notifications.ts\` | who is told of which events: webhook, mail, ntfy, Matrix |
| \`files/\` | files and templates that trees use |
| \`nodegroups.yaml\` | names for targets that you use often: \`N@web\` |

Change something, then:

    boma-master check                     # types, trees and pillar of every node; nothing is sent
    boma-master plan 'env:dev'            # what would change on the nodes
    boma-master run 'env:dev' state.apply
`,
  "top.ts": `// Which trees are for whom. Targets go by id and by what the master assigned, never by
// what a node claims of itself: that is for the trees to look at.
import { top } from "@boma/states";

import base from "./states/base.ts";

export default top({
  "*": [base],
  // A text names a tree below states/: this one is states/example.yaml.
  "role:example": ["example"],
});
`,
  "states/base.ts": `// A tree is a function from what is known of a node to what should be true of it.
import { file, template, tree } from "@boma/states";
import { z } from "zod";

// What this tree needs of the pillar. A node whose pillar lacks it does not compile.
const Pillar = z.object({ motd: z.string() });

export default tree(Pillar, ({ node, assigned, grains, pillar }) => [
  file.managed("/etc/motd", {
    contents: template("files/motd.eta", {
      id: node.id,
      env: assigned["env"] ?? "none",
      os: grains["os"] ?? "unknown",
      text: pillar.motd,
    }),
    mode: "0644",
    createDirs: true,
  }),
]);
`,
  "states/example.yaml": `# yaml-language-server: $schema=../.boma/tree.schema.json
# The same in YAML: a list, each with its state and key first. \${…} stands for a value.
- file.managed: /etc/boma-example
  contents: "This is \${node.id}.\\n"
  mode: "0644"
`,
  "pillar/top.ts": `// Data for trees. A later entry wins over an earlier one; maps are merged, everything else is replaced.
// Secrets are written as references, secret("file:…"), and never as values.
import { pillarTop } from "@boma/states";

export default pillarTop({
  "*": ["common"],
  // "env:prod": { motd: "This is production: look twice." },
});
`,
  "pillar/common.yaml": `# pillar/top.ts says for whom this is.
motd: Managed by boma; changes made by hand are undone.
`,
  "profiles/README.md": `# Profiles

A profile is chosen once, when a machine is approved: by an operator's word, else by its MAC address, else by its
hostname, else the default. \`profiles/web.yaml\`:

    roles: [web]
    assign: { env: dev }
    match: { hostname: "web*" }

\`boma-master profile explain NODE\` says why a node has the one it has.
`,
  [`profiles/${STARTER_PROFILE}.yaml`]: `# The machine that the others begin from: boma-master bootstrap assigns it, nothing else does.
roles: [bootstrap-server]
`,
  "reactors/README.md": `# Reactors

What the site does by itself. \`first-boot.ts\` brings every machine that joins with \`env=dev\` to its base state:

    import { on } from "@boma/states";

    export default on("node.enrolled", { target: "env:dev" }, async (event, boma) => {
      await boma.run(event.node, "state.apply");
    });

It may do nothing until you say so:

    boma-master reactor test reactors/first-boot.ts --since 1d     # what it would do
    boma-master reactor allow first-boot --run 'state.apply@env:dev'
`,
  "files/motd.eta": `<%= it.id %> (env <%= it.env %>, <%= it.os %>)
<%= it.text %>
`,
  "nodegroups.yaml": `# Names for targets: \`boma-master run 'N@web' test.ping\`.
# A value is a target as on the command line, and may name other groups.
#
# web: "role:web* and not env:dev"
# big: "ram>=64GiB or cpus>=32"
`,
  "tsconfig.json": `{
  // Where boma lies on this machine is in .boma/, which \`boma-master check\` writes anew.
  "extends": "./.boma/tsconfig.json",
  "include": ["**/*.ts"]
}
`,
  ".gitignore": `.boma/tsconfig.json
.boma/tree.schema.json
`,
};

export function writeStarterSite(site: string): boolean {
  if (existsSync(site)) return false;
  for (const [name, text] of Object.entries(files)) {
    const path = join(site, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  writeSiteTypes(site);
  return true;
}
