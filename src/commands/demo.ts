import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startSimulatedAws } from '../demo/aws.js';
import { sampleWorld, writeSampleProfiles } from '../demo/profiles.js';
import { CredentialError } from '../errors.js';
import { DEFAULT_PORT } from '../settings.js';
import type { Environment } from '../system/paths.js';
import { writePrivateFile } from '../system/private-files.js';
import { shellWord } from '../system/shell-word.js';
import { type Command, type CommandContext, text } from './command.js';
import { prepare } from './prepare.js';
import { serve, stopSignal } from './serve.js';

export const command: Command = {
  usage: 'demo [--port PORT]',
  help: `Runs the daemon on sample profiles and a simulated AWS, in a folder of its own that goes with it.
No account is needed, and nothing of yours is touched.`,
  takes: [0, 0],
  options: {
    port: {
      type: 'string',
      value: 'PORT',
      help: `where to listen; ${DEFAULT_PORT}, or where that is taken any free port`,
    },
  },
  async run(context) {
    process.umask(0o077);
    const stopped = stopSignal();
    const home = mkdtempSync(join(tmpdir(), 'credd-demo-'));
    try {
      await runIn(home, context, stopped);
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
    return 0;
  },
};

async function runIn(
  home: string,
  { values, env, stderr }: CommandContext,
  stopped: Promise<NodeJS.Signals>,
): Promise<void> {
  const aws = await startSimulatedAws({ world: sampleWorld });
  try {
    await writeSampleProfiles(home, aws);
    const own = environment(home, env);
    const settingsFolder = join(home, '.config', 'credd');
    mkdirSync(settingsFolder, { recursive: true, mode: 0o700 });
    await writePrivateFile(join(settingsFolder, 'config.ini'), `federation_url = ${aws.url}/federation\n`);
    const variables = join(home, 'env');
    await writePrivateFile(variables, forAnotherTerminal(own));
    const port = text(values.port);
    const run = async (port: string | undefined) =>
      serve(
        await prepare({ ...env, ...own, HOME: home }, { port, store: 'memory' }),
        stderr,
        stopped,
        (url) => void stderr.write(greeting(url, variables)),
      );
    await run(port).catch((error) => {
      if (port !== undefined || !isPortTaken(error)) throw error;
      stderr.write(`Port ${DEFAULT_PORT} is taken, so the demo takes a free one.\n`);
      return run('0');
    });
  } finally {
    await aws.close();
  }
}

function environment(home: string, env: Environment): Environment {
  const cleared = Object.keys(env).filter((name) => /^(AWS|CREDD)_/.test(name));
  const direct = [env.NO_PROXY ?? env.no_proxy, '127.0.0.1'].filter(Boolean).join(',');
  return {
    ...Object.fromEntries(cleared.map((name) => [name, undefined])),
    XDG_CONFIG_HOME: join(home, '.config'),
    XDG_STATE_HOME: join(home, '.state'),
    XDG_RUNTIME_DIR: join(home, '.run'),
    AWS_CONFIG_FILE: join(home, '.aws', 'config'),
    AWS_SHARED_CREDENTIALS_FILE: join(home, '.aws', 'credentials'),
    NO_PROXY: direct,
    no_proxy: direct,
  };
}

/** With it the commands find this daemon wherever credd is installed, and `HOME` stays the person's own. */
function forAnotherTerminal(own: Environment): string {
  const cli = [process.execPath, fileURLToPath(new URL('../cli.js', import.meta.url))];
  const set = Object.entries(own).flatMap(([name, value]) =>
    value === undefined ? [] : [`export ${name}=${shellWord(value)}`],
  );
  return [...set, `alias credd=${shellWord(cli.map(shellWord).join(' '))}`, ''].join('\n');
}

function greeting(url: string, variables: string): string {
  return `
A simulated AWS and credd are running on ${url}; Ctrl-C ends both. In another terminal:

  A session from Identity Center, a role on top of it, and a refusal:

    curl ${url}/creds/dev
    curl ${url}/creds/audit
    curl ${url}/creds/forbidden

  The commands, once they know where this daemon is:

    . ${shellWord(variables)}
    credd list
    credd whoami audit
    credd exec deploy -- aws sts get-caller-identity
    credd status

`;
}

function isPortTaken(error: unknown): boolean {
  return error instanceof CredentialError && error.code === 'PortTaken';
}
