/** A site to begin with: it says by its comments what goes where. Nothing that is there is overwritten. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const files: Readonly<Record<string, string>> = {
  "README.md": `# Your site

What your fleet should be, as files that you keep in git.

| here | goes |
|---|---|
| \`nodegroups.yaml\` | names for targets that you use often: \`N@web\` |
| \`states/\`, \`pillar/\`, \`profiles/\`, \`top.ts\` | what should be so on which nodes; they are read once states have landed |

Try a target without touching a node:

    boma-master target 'env:dev and ram>=4GiB'
`,
  "nodegroups.yaml": `# Names for targets: \`boma-master run 'N@web' test.ping\`.
# A value is a target as on the command line, and may name other groups.
#
# web: "role:web* and not env:dev"
# big: "ram>=64GiB or cpus>=32"
`,
};

export function writeStarterSite(site: string): boolean {
  if (existsSync(site)) return false;
  for (const [name, text] of Object.entries(files)) {
    const path = join(site, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return true;
}
