// The completion scripts. One table of "words so far" to "what may follow" is written into each, so that a
// Tab starts no process of ours.
import type { AnyCommand, ArgSpec, OptionSpec, ProgramSpec } from './command.js';
import { globalOptions } from './options.js';

type Shell = 'bash' | 'zsh' | 'fish';

/** What may follow a command path: its next words with their summaries, and its options. */
interface Node {
  readonly path: string;
  readonly words: readonly { readonly word: string; readonly help: string }[];
  readonly options: readonly OptionSpec<unknown>[];
}

/** The script of a shell. */
export function completionScript(shell: Shell, program: ProgramSpec): string {
  const nodes = nodesOf(program);
  if (shell === 'bash') return bashScript(nodes);
  return shell === 'zsh' ? zshScript(nodes) : fishScript(nodes);
}

function nodesOf(program: ProgramSpec): readonly Node[] {
  const shown = program.commands.filter((command) => command.hidden !== true);
  const global = Object.values(globalOptions) as unknown as OptionSpec<unknown>[];
  const firsts = [...new Set(shown.map((command) => command.name.split(' ')[0] ?? ''))];
  const groupOf = (word: string) => shown.filter((command) => command.name.startsWith(`${word} `));
  return [
    {
      path: '',
      words: firsts.map((word) => ({
        word,
        help:
          shown.find((command) => command.name === word)?.summary ??
          program.groups.find((group) => group.name === word)?.summary ??
          '',
      })),
      options: global,
    },
    ...firsts
      .filter((word) => groupOf(word).length > 0 && !shown.some((command) => command.name === word))
      .map((word) => ({
        path: word,
        words: groupOf(word).map((command) => ({ word: lastWord(command), help: command.summary })),
        options: global,
      })),
    ...shown.map((command) => ({
      path: command.name,
      words: [
        // A command may be a group as well.
        ...groupOf(command.name).map((one) => ({ word: lastWord(one), help: one.summary })),
        ...(Object.values(command.args) as ArgSpec<unknown>[])
          .flatMap((arg) => arg.choices ?? [])
          .map((word) => ({ word, help: '' })),
      ],
      options: [...(Object.values(command.options) as OptionSpec<unknown>[]), ...global],
    })),
  ];
}

function lastWord(command: AnyCommand): string {
  return command.name.split(' ').at(-1) ?? command.name;
}

/** `--output` of `-o, --output <form>`. */
function longFlag(option: OptionSpec<unknown>): string {
  return /--[\w-]+/.exec(option.flags)?.[0] ?? option.flags;
}

function shortFlag(option: OptionSpec<unknown>): string | undefined {
  return /(?:^|\s)-(\w)\b/.exec(option.flags)?.[1];
}

function candidates(node: Node): string {
  return [...node.words.map(({ word }) => word), ...node.options.map(longFlag)].join(' ');
}

function bashScript(nodes: readonly Node[]): string {
  const valued = [
    ...new Set(
      nodes
        .flatMap((node) => node.options.filter((option) => option.kind !== 'flag'))
        .flatMap((option) => [
          longFlag(option),
          ...(shortFlag(option) === undefined ? [] : [`-${shortFlag(option)}`]),
        ]),
    ),
  ];
  const choices = nodes
    .flatMap((node) => node.options)
    .filter(
      (option, at, all) =>
        option.choices !== undefined && all.findIndex((one) => one.flags === option.flags) === at,
    )
    .map((option) => {
      const short = shortFlag(option);
      const pattern = short === undefined ? longFlag(option) : `${longFlag(option)}|-${short}`;
      return `    ${pattern}) COMPREPLY=($(compgen -W '${(option.choices ?? []).join(' ')}' -- "$current")); return ;;`;
    });
  return `# bash completion for mailctl
_mailctl() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} path= word next skip= at
  COMPREPLY=()
  case $previous in
${choices.join('\n')}
    ${valued.join('|')}) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  for ((at = 1; at < COMP_CWORD; at++)); do
    word=\${COMP_WORDS[at]}
    if [[ $skip ]]; then skip=; continue; fi
    case $word in
      ${valued.join('|')}) skip=1; continue ;;
      -*) continue ;;
    esac
    next=\${path:+$path }$word
    case $next in
${nodes
  .slice(1)
  .map((node) => `      '${node.path}') path=$next ;;`)
  .join('\n')}
    esac
  done
  case $path in
${nodes.map((node) => `    '${node.path}') COMPREPLY=($(compgen -W '${candidates(node)}' -- "$current")) ;;`).join('\n')}
  esac
}
complete -o default -F _mailctl mailctl
`;
}

/** zsh runs the bash function, which is what its own bashcompinit is for. */
function zshScript(nodes: readonly Node[]): string {
  return `#compdef mailctl
autoload -Uz bashcompinit && bashcompinit
${bashScript(nodes)}`;
}

function fishText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

function fishScript(nodes: readonly Node[]): string {
  const lines = nodes.flatMap((node) => {
    const condition = fishText(`__mailctl_at ${fishText(node.path)}`);
    return [
      ...node.words.map(
        ({ word, help }) =>
          `complete -c mailctl -n ${condition} -f -a ${word}${help === '' ? '' : ` -d ${fishText(help)}`}`,
      ),
      ...node.options.map((option) => {
        const short = shortFlag(option);
        const value =
          option.kind === 'flag'
            ? ''
            : option.choices === undefined
              ? ' -r'
              : ` -x -a ${fishText(option.choices.join(' '))}`;
        return `complete -c mailctl -n ${condition}${short === undefined ? '' : ` -s ${short}`} -l ${longFlag(option).slice(2)}${value} -d ${fishText(option.help)}`;
      }),
    ];
  });
  const paths = nodes
    .slice(1)
    .map((node) => fishText(node.path))
    .join(' ');
  return `# fish completion for mailctl
function __mailctl_at
  set -l path
  set -l words (commandline -opc)
  for word in $words[2..-1]
    string match -q -- '-*' $word; and continue
    set -l next (string join ' ' -- $path $word)
    contains -- $next ${paths}; and set path $next
  end
  test "$path" = "$argv[1]"
end
${lines.join('\n')}
`;
}
