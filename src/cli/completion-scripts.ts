import type { Options } from 'yargs';
import type { Command } from './command.ts';
import type { Shell } from './context.ts';
import { GLOBAL_OPTIONS } from './help.ts';

const optionsOf = (command: Command): Record<string, Options> => ({ ...command.options, ...GLOBAL_OPTIONS });

const flagsOf = (command: Command): string =>
  Object.keys(optionsOf(command))
    .map((name) => (name.length === 1 ? `-${name}` : `--${name}`))
    .join(' ');

/** `--name) values` rows for options with a closed list. */
const choiceRows = (commands: readonly Command[]): ReadonlyMap<string, readonly string[]> =>
  new Map(
    commands.flatMap((c) =>
      Object.entries(optionsOf(c)).flatMap(([name, o]) => (o.choices === undefined ? [] : [[`--${name}`, o.choices.map(String)] as const])),
    ),
  );

const bash = (commands: readonly Command[]): string => `# bash completion for cortexc: source <(cortexc completion bash)
_cortexc() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands.map((c) => c.name).join(' ')} --help --version" -- "$current"))
    return
  fi
  case $previous in
${Array.from(choiceRows(commands), ([name, values]) => `    ${name}) COMPREPLY=($(compgen -W "${values.join(' ')}" -- "$current")); return ;;`).join('\n')}
  esac
  case $current in
    -*)
      case \${COMP_WORDS[1]} in
${commands.map((c) => `        ${c.name}) COMPREPLY=($(compgen -W "${flagsOf(c)} --help" -- "$current")) ;;`).join('\n')}
      esac ;;
    *) COMPREPLY=($(compgen -f -- "$current")) ;;
  esac
}
complete -o filenames -F _cortexc cortexc
`;

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

const zsh = (commands: readonly Command[]): string => `#compdef cortexc
# zsh completion for cortexc: source <(cortexc completion zsh)
_cortexc() {
  if (( CURRENT == 2 )); then
    local -a names=(
${commands.map((c) => `      ${quoted(`${c.name}:${c.summary}`)}`).join('\n')}
    )
    _describe command names
    return
  fi
  case $words[CURRENT-1] in
${Array.from(choiceRows(commands), ([name, values]) => `    ${name}) compadd ${values.join(' ')}; return ;;`).join('\n')}
  esac
  if [[ $words[CURRENT] == -* ]]; then
    case $words[2] in
${commands.map((c) => `      ${c.name}) compadd -- ${flagsOf(c)} --help ;;`).join('\n')}
    esac
  else
    _files
  fi
}
compdef _cortexc cortexc
`;

const fish = (commands: readonly Command[]): string =>
  `# fish completion for cortexc: cortexc completion fish | source
${commands
  .flatMap((c) => [
    `complete -c cortexc -n __fish_use_subcommand -a ${c.name} -d ${quoted(c.summary)}`,
    ...Object.entries(optionsOf(c)).map(([name, o]) => {
      const values = o.choices === undefined ? '' : ` -x -a ${quoted(o.choices.map(String).join(' '))}`;
      return `complete -c cortexc -n ${quoted(`__fish_seen_subcommand_from ${c.name}`)} ${name.length === 1 ? '-s' : '-l'} ${name}${values}`;
    }),
  ])
  .join('\n')}
`;

/** The completion script of a shell, from the command definitions. */
export const completionScript = (shell: Shell, commands: readonly Command[]): string => ({ bash, zsh, fish })[shell](commands);
