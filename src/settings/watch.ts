import type { ProfileSettings, Settings } from '../settings.js';
import type { Clock } from '../system/clock.js';
import { type FileState, watchFiles } from '../system/watched-files.js';
import { parseSettingsFile, type SettingsFile } from './file.js';

export interface WatchedProfileSettings {
  of(profile: string): ProfileSettings;
  /** Whether the desktop shows that a person is needed. */
  readonly notify: boolean;
  /** Whether the browser opens by itself for a sign-in. */
  readonly autoLogin: boolean;
  /** Why the newest state of config.ini could not be taken; the last good one goes on. */
  readonly problem: string | undefined;
  subscribe(listener: () => void): void;
  /** Reads it as it is at this moment. */
  reload(): Promise<void>;
  close(): void;
}

/** What config.ini says of profiles and of the person, followed while the daemon runs; port and store take effect at a restart. */
export async function watchProfileSettings(
  settings: Settings,
  clock: Clock,
): Promise<WatchedProfileSettings> {
  const path = settings.paths.configFile;
  const listeners: (() => void)[] = [];
  let last: Pick<SettingsFile, 'profile' | 'notify' | 'autoLogin'> = settings;
  let saidSomething = false;
  let problem: string | undefined;

  const watch = await watchFiles({
    paths: [path],
    clock,
    onChange([file]) {
      take(file);
      for (const listener of listeners) listener();
    },
  });
  take(watch.current[0]);

  function take(file: FileState | undefined): void {
    try {
      const text = textOf(file);
      // A truncated file must not open what the whole one closed.
      if (text.trim() === '' && saidSomething && file?.state === 'present')
        throw new Error(`${path} is suddenly empty: restore it, or remove it if that is meant`);
      last = parseSettingsFile(text, path);
      saidSomething = text.trim() !== '';
      problem = undefined;
    } catch (error) {
      problem = (error as Error).message;
    }
  }

  return {
    of: (profile) => last.profile(profile),
    get notify() {
      return last.notify ?? false;
    },
    get autoLogin() {
      return last.autoLogin ?? false;
    },
    get problem() {
      return problem;
    },
    subscribe: (listener) => listeners.push(listener),
    reload: watch.reload,
    close: watch.close,
  };
}

function textOf(file: FileState | undefined): string {
  if (file?.state === 'present') return file.text;
  if (file?.state === 'unreadable')
    throw new Error(`credd's settings in ${file.path} cannot be read (${file.reason})`);
  return '';
}
