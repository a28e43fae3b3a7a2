import { type Command, type CommandTable, UsageError } from './command.js';

const shells: Record<string, (commands: CommandTable) => string> = { bash, zsh, fish };
/** The commands whose first argument is a profile. */
const ofProfile = [
  'exec',
  'env',
  'lease',
  'creds',
  'refresh',
  'forget',
  'whoami',
  'console',
  'login',
  'logout',
];

/** The commands whose first argument is one of these. */
export const VERBS: Readonly<Record<string, readonly string[]>> = {
  keys: ['add', 'import', 'rotate', 'list', 'remove'],
  service: ['install', 'uninstall', 'status', 'logs'],
  completion: Object.keys(shells),
};

export const command: Command = {
  usage: 'completion bash|zsh|fish',
  help: `Prints a script that completes commands and profile names.

  bash  add to ~/.bashrc:                   eval "$(credd completion bash)"
  zsh   add to ~/.zshrc, after compinit:    eval "$(credd completion zsh)"
  fish  type once:  credd completion fish > ~/.config/fish/completions/credd.fish`,
  takes: [1, 1],
  async run({ positionals: [shell = ''], commands, stdout }) {
    const script = Object.hasOwn(shells, shell) ? shells[shell] : undefined;
    if (!script)
      throw new UsageError(
        `"${shell}" is not a shell that credd knows: use ${Object.keys(shells).join(', ')}`,
      );
    stdout.write(script(commands));
    return 0;
  },
};

function eachOf(line: (name: string, words: readonly string[]) => string): string {
  return Object.entries(VERBS)
    .map(([name, words]) => line(name, words))
    .join('\n');
}

function bash(commands: CommandTable): string {
  return `_credd() {
  local IFS=$'\\n' word="\${COMP_WORDS[COMP_CWORD]}"
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "$(printf '%s\\n' ${Object.keys(commands).join(' ')})" -- "$word"))
  elif [ "$COMP_CWORD" -eq 2 ]; then
    case "\${COMP_WORDS[1]}" in
      ${ofProfile.join('|')})
        local name
        while read -r name; do
          printf -v name '%q' "$name"
          case "$name" in "$word"*) COMPREPLY+=("$name") ;; esac
        done < <(credd list --names 2>/dev/null) ;;
${eachOf((name, words) => `      ${name}) COMPREPLY=($(compgen -W $'${words.join('\\n')}' -- "$word")) ;;`)}
    esac
  fi
}
complete -o default -F _credd credd
`;
}

function zsh(commands: CommandTable): string {
  const described = Object.entries(commands).map(
    ([name, { summary }]) => `    '${name}:${summary.replaceAll("'", "'\\''")}'`,
  );
  return `_credd() {
  local -a verbs profiles
  verbs=(
${described.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe 'command' verbs
  elif (( CURRENT == 3 )); then
    case "$words[2]" in
      ${ofProfile.join('|')})
        profiles=("\${(@f)$(credd list --names 2>/dev/null)}")
        compadd -a profiles ;;
${eachOf((name, words) => `      ${name}) compadd ${words.join(' ')} ;;`)}
      *) _files ;;
    esac
  else
    _files
  fi
}
compdef _credd credd
`;
}

function fish(commands: CommandTable): string {
  const verbs = Object.entries(commands).map(
    ([name, { summary }]) =>
      `complete -c credd -f -n __fish_use_subcommand -a ${name} -d '${summary.replaceAll("'", "\\'")}'`,
  );
  return `${verbs.join('\n')}
complete -c credd -f -n '__fish_seen_subcommand_from ${ofProfile.join(' ')}; and test (count (commandline -opc)) -eq 2' -a '(credd list --names 2>/dev/null)'
${eachOf((name, words) => `complete -c credd -f -n '__fish_seen_subcommand_from ${name}; and test (count (commandline -opc)) -eq 2' -a '${words.join(' ')}'`)}
`;
}
