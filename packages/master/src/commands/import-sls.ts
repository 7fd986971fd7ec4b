import { ExitCode } from "@boma/protocol";
import type { Command } from "@commander-js/extra-typings";

import { type Output, style } from "../print/output.ts";
import { table } from "../print/table.ts";
import type { Finding } from "../sls/finding.ts";
import { example, jsonOption, perform, usage } from "./shell.ts";

export const importSls = (program: Command): unknown =>
  program
    .command("import-sls")
    .summary("turns Salt's SLS files into a tree, and lists what has no counterpart")
    .description(
      "Reads SLS files and prints a tree in YAML. What cannot be translated for sure is left out, and listed with the reason and with what to do. Ends with 1 when something was left out.",
    )
    .argument("<file...>", "SLS files; those that include or extend each other together")
    .option("-o, --output-file <file>", "one tree of all of them, into this file")
    .option("--out <dir>", "a tree for each of them, below this directory")
    .option("--force", "write over files that are there")
    .addOption(jsonOption())
    .addHelpText("after", example("boma-master import-sls /srv/salt/web/init.sls -o states/web.yaml"))
    .action((files, options) =>
      perform(options, async (output) => {
        const { outputFile, out, force } = options;
        if (outputFile !== undefined && out !== undefined)
          throw usage("-o and --out at once", "Say one of them.");
        const [{ importSls: translate }, { readSources, writeTrees }] = await Promise.all([
          import("../sls/import-sls.ts"),
          import("../sls/files.ts"),
        ]);
        const { trees, findings } = translate(readSources(files));
        const tree = trees.map(({ text }) => text).join("");
        const written = writeTrees(trees, { file: outputFile, directory: out, force: force === true });
        const isFile = outputFile !== undefined || out !== undefined;
        output.document({ tree, findings, ...(isFile && { written }) });
        if (isFile) for (const path of written) output.line(`wrote ${path}`);
        else output.line(tree.trimEnd());
        report(findings, isFile ? (text) => output.line(text) : noteIn(output));
        return findings.some(({ level }) => level === "left-out") ? ExitCode.failed : ExitCode.ok;
      }),
    );

/** Where the tree goes to standard output, what is said of it goes beside it. */
const noteIn =
  (output: Output) =>
  (text: string): void => {
    if (output.mode === "text") output.note(text);
  };

const COLOURS = { "left-out": "red", differs: "yellow", note: "dim" } as const;

function report(findings: readonly Finding[], line: (text: string) => void): void {
  if (findings.length === 0) return line("all of it was translated");
  line(
    table(findings, [
      { head: "WHERE", text: (one) => `${one.file}:${one.line}` },
      { head: "", text: ({ level }) => level, colour: (text, { level }) => style(COLOURS[level], text) },
      { head: "WHAT", text: ({ what }) => what },
      { head: "WHY", text: ({ why }) => why },
      { head: "WHAT TO DO", text: ({ hint }) => hint },
    ]),
  );
  const count = (wanted: Finding["level"]): number => findings.filter(({ level }) => level === wanted).length;
  line(`${count("left-out")} left out, ${count("differs")} that differ, ${count("note")} to know`);
}
