import type { Clock } from '../system/clock.js';
import { type FileState, readFileState, watchFiles } from '../system/watched-files.js';
import { type ConfigFile, type Problem, parseConfigFile } from './config-file.js';
import { ConfigSection, type ConfigSource, type Entry, type Part, place } from './config-section.js';
import type { FileKind, SectionType } from './section-header.js';

export interface SharedConfigPaths {
  config: string;
  credentials: string;
  /** Shown as `~` in messages. */
  home: string;
}

/** Its line is 0 when it is about the file as a whole. */
export interface FileProblem extends Problem {
  readonly path: string;
  readonly where: string;
}

/** Both files at one moment. It does not change; a change of the files makes another. */
export interface SharedConfig {
  readonly profiles: ReadonlyMap<string, ConfigSection>;
  readonly ssoSessions: ReadonlyMap<string, ConfigSection>;
  /** The name of a `[services x]` section -> service -> setting. */
  readonly services: ReadonlyMap<string, ReadonlyMap<string, ReadonlyMap<string, Entry>>>;
  /** An MFA device -> the `mfa_process` that prints its code: profiles with the same device share it. */
  readonly codeProcesses: ReadonlyMap<string, string>;
  readonly problems: readonly FileProblem[];
  readonly files: Readonly<Record<FileKind, ConfigSource>>;
  /** Profile -> the keys that it has in credd's keychain; no secret. */
  readonly keptKeys?: ReadonlyMap<string, { readonly accessKeyId: string }>;
}

export type ProfileSection = ConfigSection;

/** The order in which the files count, key by key. */
const KINDS = ['credentials', 'config'] as const;

/** Reads both files once. Never rejects: broken or missing files give what could be read, and `problems`. */
export async function readSharedConfig(paths: SharedConfigPaths): Promise<SharedConfig> {
  const states = await Promise.all(KINDS.map((kind) => readFileState(paths[kind])));
  return merge(states.map((state, index) => load(state, index, paths.home)));
}

export interface WatchedSharedConfig {
  readonly current: SharedConfig;
  /** Why the newest state of the files could not be taken, and what to do; the last good state goes on. */
  readonly problem: string | undefined;
  /** Each file, and whether there is such a problem with it. */
  readonly broken: readonly (readonly [file: FileKind, broken: boolean])[];
  /** Called after each change of `current` or `problem`. The returned function ends it. */
  subscribe(listener: () => void): () => void;
  /** Reads the files as they are at this moment. */
  reload(): Promise<void>;
  close(): void;
}

/** `current` is there from the start, however broken the files are: it then holds what could be read of them. */
export async function watchSharedConfig(options: {
  paths: SharedConfigPaths;
  clock: Clock;
}): Promise<WatchedSharedConfig> {
  const { paths, clock } = options;
  const listeners = new Set<() => void>();
  const watch = await watchFiles({
    paths: KINDS.map((kind) => paths[kind]),
    clock,
    onChange(states) {
      const next = states.map(follow);
      if (next.some(({ file }, index) => file !== followed[index]?.file)) current = mergeFollowed(next);
      followed = next;
      for (const listener of listeners) listener();
    },
  });
  let followed: Followed[] = [];
  followed = watch.current.map(follow);
  let current = mergeFollowed(followed);

  function follow(state: FileState, index: number): Followed {
    const before = followed[index];
    if (before?.state === state) return before;
    return { state, ...judge(load(state, index, paths.home), before?.file) };
  }

  return {
    get current() {
      return current;
    },
    get problem() {
      return followed.flatMap(({ fault }) => fault ?? []).join('; ') || undefined;
    },
    get broken() {
      return followed.map(({ file, fault }) => [file.source.kind, fault !== undefined] as const);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    reload: watch.reload,
    close: watch.close,
  };
}

interface LoadedFile {
  source: ConfigSource;
  content: ConfigFile;
  empty: boolean;
  /** Why this state of the file should not replace a good one. */
  fault?: string;
}

/** The state that a file is in now, and what counts of it: this state, or an earlier and better one. */
interface Followed {
  state: FileState;
  file: LoadedFile;
  fault?: string;
}

function mergeFollowed(followed: readonly Followed[]): SharedConfig {
  return merge(followed.map(({ file }) => file));
}

function load(state: FileState, index: number, home: string): LoadedFile {
  const kind = KINDS[index] ?? 'config';
  const { path } = state;
  const label = path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path;
  const [text, mode] = state.state === 'present' ? [state.text, state.mode] : ['', undefined];
  const source = { kind, path, label, exists: state.state !== 'missing', mode };
  const content = state.state === 'unreadable' ? unreadable(state.reason) : parseConfigFile(text, kind);
  const file = { source, content, empty: state.state === 'present' && text.trim() === '' };
  const error = content.problems.find(({ severity }) => severity === 'error');
  return error ? { ...file, fault: `${place(source, error.line).where}: ${error.message}` } : file;
}

function unreadable(reason: string): ConfigFile {
  const message = `cannot be read (${reason}): make it a file that you may read`;
  return { sections: [], problems: [{ line: 0, message, severity: 'error' }], broken: true };
}

/** A bad state replaces no good one, and an empty file replaces nothing: to have no profiles, remove the file. */
function judge(newest: LoadedFile, kept?: LoadedFile): Omit<Followed, 'state'> {
  const hadSections = kept !== undefined && kept.content.sections.length > 0;
  const emptied = `${newest.source.label} is suddenly empty: restore it, or remove it if that is meant`;
  const fault = newest.empty && hadSections ? emptied : newest.fault;
  if (!fault) return { file: newest };
  const keep = hadSections && (!kept.fault || newest.content.sections.length === 0);
  return keep
    ? { file: kept, fault: `${fault} (until then its last good state counts)` }
    : { file: newest, fault };
}

function merge(files: readonly LoadedFile[]): SharedConfig {
  const ssoSessions = sectionsOf(files, 'sso-session');
  const services = [...sectionsOf(files, 'services').values()].map((section) => {
    const settings = [...section.keys()].map((key) => [key, section.get(key)?.nested ?? new Map()] as const);
    return [section.name, new Map(settings)] as const;
  });
  const profiles = sectionsOf(files, 'profile');
  const [credentials, config] = files.map(({ source }) => source) as [ConfigSource, ConfigSource];
  return {
    profiles,
    ssoSessions,
    services: new Map(services),
    codeProcesses: codeProcessesIn(profiles),
    problems: files.flatMap(problemsOf),
    files: { credentials, config },
  };
}

/** A role's profile may leave it to the profile behind it. */
function codeProcessesIn(profiles: ReadonlyMap<string, ConfigSection>): Map<string, string> {
  const processes = new Map<string, string>();
  for (const profile of profiles.values()) {
    const device = profile.text('mfa_serial');
    const behind = profiles.get(profile.text('source_profile') ?? '');
    const process = profile.text('mfa_process') ?? behind?.text('mfa_process');
    if (device && process && !processes.has(device)) processes.set(device, process);
  }
  return processes;
}

/** botocore gives the settings of `[DEFAULT]`, in capitals, to every section of that file. */
function sectionsOf(files: readonly LoadedFile[], type: SectionType): Map<string, ConfigSection> {
  const parts = new Map<string, Part[]>();
  for (const { source, content } of files) {
    const inherited = content.sections.filter(
      (section) => section.type === 'other' && section.name === 'DEFAULT',
    );
    for (const section of content.sections.filter((each) => each.type === type)) {
      const known = parts.get(section.name) ?? [];
      parts.set(section.name, [
        ...known,
        ...[section, ...inherited].map((each) => ({ source, section: each })),
      ]);
    }
  }
  return new Map([...parts].map(([name, each]) => [name, new ConfigSection(name, each)]));
}

function problemsOf({ source, content }: LoadedFile): FileProblem[] {
  return content.problems.map((problem) => ({ ...problem, ...place(source, problem.line) }));
}
