import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSimulatedAws } from '../demo/aws.js';
import { sampleWorld, writeSampleProfiles } from '../demo/profiles.js';
import { CredentialError } from '../errors.js';
import { DEFAULT_PORT, readSettings } from '../settings.js';
import type { Environment } from '../system/paths.js';
import { writePrivateFile } from '../system/private-files.js';
import { type Command, text } from './command.js';
import { serve } from './serve.js';

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
  async run({ values, env, stderr }) {
    const home = mkdtempSync(join(tmpdir(), 'credd-demo-'));
    const aws = await startSimulatedAws({ world: sampleWorld });
    try {
      await writeSampleProfiles(home, aws);
      const own = environment(home, env);
      const variables = join(home, 'env');
      await writePrivateFile(variables, exports(own));
      const port = text(values.port);
      const run = (port: string | undefined) =>
        serve(
          readSettings({ ...env, ...own }, { port, store: 'memory' }),
          stderr,
          (url) => void stderr.write(greeting(url, variables)),
        );
      await run(port).catch((error) => {
        if (port === undefined && isPortTaken(error)) return run('0');
        throw error;
      });
    } finally {
      await aws.close();
      rmSync(home, { recursive: true, force: true });
    }
    return 0;
  },
};

function environment(home: string, env: Environment): Environment {
  const cleared = Object.keys(env).filter((name) => /^(AWS|CREDD)_/.test(name));
  return {
    ...Object.fromEntries(cleared.map((name) => [name, undefined])),
    HOME: home,
    XDG_CONFIG_HOME: join(home, '.config'),
    XDG_STATE_HOME: join(home, '.state'),
    XDG_RUNTIME_DIR: join(home, '.run'),
    AWS_CONFIG_FILE: join(home, '.aws', 'config'),
    AWS_SHARED_CREDENTIALS_FILE: join(home, '.aws', 'credentials'),
  };
}

/** For another terminal: the commands find this daemon, and `HOME` stays the person's own. */
function exports(own: Environment): string {
  return Object.entries(own)
    .filter(([name, value]) => value !== undefined && name !== 'HOME')
    .map(([name, value]) => `export ${name}='${value}'\n`)
    .join('');
}

function greeting(url: string, variables: string): string {
  return `
A simulated AWS and credd are running, on ${url}; Ctrl-C ends both. In another terminal:

    curl ${url}/creds/dev                 a session from Identity Center
    curl ${url}/creds/audit               a role on top of it
    curl ${url}/creds/forbidden           what a refusal looks like

    . ${variables}          lets the commands find this daemon:
    npx credd list
    npx credd whoami audit
    npx credd exec deploy -- aws sts get-caller-identity

`;
}

function isPortTaken(error: unknown): boolean {
  return error instanceof CredentialError && error.code === 'PortTaken';
}
