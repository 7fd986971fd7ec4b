import { Argument, type Command } from "@commander-js/extra-typings";

import { example, perform } from "./shell.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

/** Each shell asks `boma-master __complete WORDS…` and shows the lines that come back. */
const scripts: Readonly<Record<(typeof SHELLS)[number], string>> = {
  bash: `_boma_master() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -W "$("\${COMP_WORDS[0]}" __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _boma_master boma-master
`,
  zsh: `#compdef boma-master
_boma_master() {
  local -a found
  found=("\${(@f)$("$words[1]" __complete "\${words[@]:1:$((CURRENT-1))}" 2>/dev/null)}")
  compadd -- $found
}
compdef _boma_master boma-master
`,
  fish: `complete -c boma-master -f -a '(boma-master __complete (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
`,
};

export function completion(program: Command): void {
  program
    .command("completion")
    .summary("print a completion script for your shell")
    .description("Prints a script that completes commands, options and functions.")
    .addArgument(new Argument("<shell>", "which one").choices(SHELLS))
    .addHelpText("after", example("source <(boma-master completion bash)"))
    .action((shell) => perform({}, async () => void process.stdout.write(scripts[shell])));
  program
    .command("__complete", { hidden: true })
    .argument("[words...]")
    .allowUnknownOption()
    .action(
      async (words) =>
        void process.stdout.write((await candidates(program, words)).map((word) => `${word}\n`).join("")),
    );
}

/** What may stand where the last word is. */
async function candidates(program: Command, words: readonly string[]): Promise<string[]> {
  let command = program as Command;
  const before = words.slice(0, -1);
  const last = words.at(-1) ?? "";
  let plain = 0;
  for (const word of before) {
    const next = command.commands.find((child) => child.name() === word);
    if (next) command = next as Command;
    else if (!word.startsWith("-")) plain += 1;
  }
  if (last.startsWith("-"))
    return fitting([...command.options.map(({ long }) => long ?? ""), "--help"], last);
  const children = command.commands.map((child) => child.name()).filter((name) => name !== "__complete");
  if (children.length > 0) return fitting(children, last);
  const takesFunction =
    (command.name() === "run" && plain === 1) || (command.name() === "doc" && plain === 0);
  if (!takesFunction) return [];
  const { functions, states } = await import("@boma/states");
  return fitting([...new Set([...Object.keys(functions), ...Object.keys(states)])], last);
}

const fitting = (words: readonly string[], start: string): string[] =>
  words.filter((word) => word !== "" && word.startsWith(start)).sort();
