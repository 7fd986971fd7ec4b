/** Usage errors end with 2, as the contract says, and are JSON where JSON was asked for. */
import { ExitCode } from "@boma/protocol";
import type { Command } from "@commander-js/extra-typings";

import { printError } from "../print/output.ts";
import { usage } from "./shell.ts";

export function endUsage(command: Command): void {
  command.showHelpAfterError(false).exitOverride((error) => {
    if (error.exitCode === 0) process.exit(ExitCode.ok);
    if (error.code === "commander.help") process.exit(ExitCode.usage);
    const [message = "", ...rest] = error.message.replace(/^error: /, "").split("\n");
    const hint = rest.join(" ").replace(/^\((.*)\)$/, "$1") || `See \`${nameOf(command)} --help\`.`;
    process.exit(printError(usage(message, hint), wantsJson(process.argv) ? "json" : "text"));
  });
  command.configureOutput({
    writeErr: (text) => void (text.startsWith("error:") || process.stderr.write(text)),
  });
  for (const child of command.commands) endUsage(child as Command);
}

/** The options could not be read, so the words themselves must say it; those behind a `--` are not ours. */
function wantsJson(words: readonly string[]): boolean {
  const dash = words.indexOf("--");
  const own = dash < 0 ? words : words.slice(0, dash);
  return own.some(
    (word, at) =>
      word === "--json" ||
      /^--output=(nd)?json$/.test(word) ||
      (own[at - 1] === "--output" && /^(nd)?json$/.test(word)),
  );
}

const nameOf = (command: Command): string =>
  command.parent ? `${nameOf(command.parent as Command)} ${command.name()}` : command.name();
