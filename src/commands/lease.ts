import type { Grant } from '../access/lease.js';
import { segmentOf } from '../http/segment.js';
import { readSettings } from '../settings.js';
import { type Command, text, UsageError } from './command.js';
import { withRunningDaemon } from './connect.js';
import { containerVariables, regionGiven } from './container-variables.js';
import { milliseconds } from './duration.js';
import { NARROWING, narrowingOf, narrowingOptions, openBeside } from './narrowing-options.js';
import { printVariables, shellNamed } from './print-variables.js';

export const command: Command = {
  usage:
    'lease PROFILE [narrowing] [--ttl 12h] [--container [--endpoint URL]] [--shell SHELL] [--region REGION]',
  help: `Makes a lease of PROFILE for another tool, and prints the variables with which SDKs use it.
It goes on when the daemon is restarted. credd leases shows it, credd revoke takes it back.

  credd lease PROFILE --container --shell dotenv > lease.env
  docker run --network host --env-file lease.env ...

${NARROWING}`,
  takes: [1, 1],
  options: {
    ttl: {
      type: 'string',
      value: 'TIME',
      help: 'how long it lasts, as 30m or 2d; 12h unless said otherwise',
    },
    container: {
      type: 'boolean',
      help: 'for a container: good for whoever shows the token, whichever user that is',
    },
    endpoint: {
      type: 'string',
      value: 'URL',
      help: 'where the container reaches the daemon, if not at its own address; as http://127.0.0.1:9000',
    },
    shell: { type: 'string', value: 'SHELL', default: 'sh', help: 'sh, fish, powershell or dotenv' },
    region: { type: 'string', value: 'REGION', help: "instead of the profile's own" },
    ...narrowingOptions,
  },
  async run({ positionals: [profile = ''], values, env, stdout, stderr }) {
    const shell = shellNamed(values.shell);
    const ttl = milliseconds('--ttl', text(values.ttl));
    const narrowing = narrowingOf(values);
    const region = regionGiven(values);
    const container = values.container === true;
    const endpoint = origin(text(values.endpoint));
    if (endpoint && !container) throw new UsageError('--endpoint goes with --container');
    const settings = readSettings(env);
    await withRunningDaemon(settings, async (daemon) => {
      if (!narrowing) await daemon.ask('GET', `/api/sessions/${segmentOf(profile)}`);
      const grant = await daemon.ask<Grant>('POST', '/api/leases', { profile, narrowing, ttl, container });
      if (narrowing) stderr.write(openBeside(profile, settings));
      const variables = containerVariables(endpoint ?? daemon.url, grant);
      await printVariables({ variables, profile, region, shell, settings, out: { stdout, stderr } });
    });
    return 0;
  },
};

function origin(url: string | undefined): string | undefined {
  if (url === undefined) return undefined;
  const { protocol, origin, pathname, search, hash } = URL.canParse(url) ? new URL(url) : new URL('none:');
  if (/^https?:$/.test(protocol) && `${pathname}${search}${hash}` === '/') return origin;
  throw new UsageError(
    `--endpoint: "${url}" is not an address of a daemon: use one like http://127.0.0.1:8363`,
  );
}
