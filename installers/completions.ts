/**
 * Completion for bash, zsh and fish as files, from the declarations: commands and
 * options of every level, without a start of the program at each press of the key.
 */
import type { Declared } from "./declared.ts";

/** What may follow the words that lead to a command. */
interface Row {
  readonly path: string;
  readonly words: readonly string[];
}

function rowsOf(command: Declared, path: readonly string[] = []): readonly Row[] {
  const words = [
    ...command.commands.map(({ name }) => name),
    ...command.arguments.flatMap(({ choices }) => choices),
    ...command.options.flatMap(({ long }) => long ?? []),
  ];
  return [
    { path: path.join(" "), words: [...new Set([...words, "--help"])] },
    ...command.commands.flatMap((child) => rowsOf(child, [...path, child.name])),
  ];
}

const safe = (word: string): string => {
  if (/^[\w.=-]+$/.test(word)) return word;
  throw new Error(`${JSON.stringify(word)} cannot stand in a completion script`);
};

/** `_boma_agent`: what a shell may call a function. */
const functionOf = (program: Declared): string => `_${program.name.replaceAll("-", "_")}`;

/** The longest path of commands that the words begin with, options left out: the same in each shell. */
export function bashCompletion(program: Declared): string {
  const rows = rowsOf(program).map(
    ({ path, words }) => `    "${path}") echo "${words.map(safe).join(" ")}" ;;`,
  );
  const name = functionOf(program);
  return `# bash completion for ${program.name}
${name}_words() {
  case "$1" in
${rows.join("\n")}
    *) return 1 ;;
  esac
}
${name}() {
  local path="" word at found
  for ((at = 1; at < COMP_CWORD; at++)); do
    word="\${COMP_WORDS[at]}"
    [[ "$word" == -* ]] && continue
    ${name}_words "\${path:+$path }$word" > /dev/null && path="\${path:+$path }$word"
  done
  found="$(${name}_words "$path")"
  COMPREPLY=($(compgen -W "$found" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F ${name} ${program.name}
`;
}

export function zshCompletion(program: Declared): string {
  const rows = rowsOf(program).map(
    ({ path, words }) => `    ${JSON.stringify(path)} ${JSON.stringify(words.map(safe).join(" "))}`,
  );
  const name = functionOf(program);
  return `#compdef ${program.name}
${name}() {
  local -A rows=(
${rows.join("\n")}
  )
  local where="" word
  for word in "\${(@)words[2,CURRENT-1]}"; do
    [[ "$word" == -* ]] && continue
    [[ -n "\${rows[\${where:+$where }$word]}" ]] && where="\${where:+$where }$word"
  done
  compadd -- \${=rows[$where]} || _files
}
${name} "$@"
`;
}

export function fishCompletion(program: Declared): string {
  const quoted = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const lines: string[] = [];
  const visit = (command: Declared, path: readonly string[]): void => {
    const here = path.map((word) => `__fish_seen_subcommand_from ${safe(word)}`);
    const children = command.commands.map(({ name }) => safe(name));
    const deeper = children.length === 0 ? [] : [`not __fish_seen_subcommand_from ${children.join(" ")}`];
    const when = path.length === 0 ? "__fish_use_subcommand" : [...here, ...deeper].join("; and ");
    const begin = `complete -c ${program.name} -n ${quoted(when)}`;
    for (const child of command.commands)
      lines.push(
        `${begin} -f -a ${quoted(safe(child.name))} -d ${quoted(child.summary || child.description)}`,
      );
    for (const { long, description, takesValue } of command.options)
      if (long)
        lines.push(
          `complete -c ${program.name}${path.length === 0 ? "" : ` -n ${quoted(here.join("; and "))}`} -l ${safe(long.slice(2))}${takesValue ? " -r" : ""} -d ${quoted(description)}`,
        );
    for (const child of command.commands) visit(child, [...path, child.name]);
  };
  visit(program, []);
  return `# fish completion for ${program.name}\n${lines.join("\n")}\n`;
}
