import type { Grant } from '../access/lease.js';
import { segmentOf } from '../http/segment.js';
import { readSettings } from '../settings.js';
import { type Command, text, UsageError } from './command.js';
import { withRunningDaemon } from './connect.js';
import { containerVariables, regionGiven } from './container-variables.js';
import { milliseconds } from './duration.js';
import { printGlobal } from './env-global.js';
import { NARROWING, narrowingOf, narrowingOptions, openBeside } from './narrowing-options.js';
import { printVariables, shellNamed } from './print-variables.js';

export const command: Command = {
  usage:
    'env PROFILE [narrowing] [--shell sh|fish|powershell|dotenv] [--ttl 12h] [--region REGION] [--global]',
  help: `Prints the variables with which SDKs fetch the credentials of PROFILE from the running daemon.

  eval "$(credd env PROFILE)"

With --global they hold no token and do not end, for files that your whole desktop reads (environment.d, launchctl), or,
with --shell, your shell: there they give way to credd exec and to the line above.

${NARROWING}`,
  takes: [1, 1],
  options: {
    shell: { type: 'string', value: 'SHELL', help: 'sh (unless said otherwise), fish, powershell or dotenv' },
    ttl: {
      type: 'string',
      value: 'TIME',
      help: 'how long they are good for, as 30m or 12h; 12h unless said otherwise',
    },
    region: { type: 'string', value: 'REGION', help: "instead of the profile's own" },
    ...narrowingOptions,
    global: { type: 'boolean', help: 'for all your programs, of the desktop too' },
  },
  async run({ positionals: [profile = ''], values, env, stdout, stderr }) {
    const shell = shellNamed(values.shell ?? 'sh');
    const ttl = milliseconds('--ttl', text(values.ttl));
    const narrowing = narrowingOf(values);
    const region = regionGiven(values);
    if (values.global && narrowing)
      throw new UsageError('--global hands out no lease, so it cannot be narrowed');
    if (values.global && ttl !== undefined)
      throw new UsageError('--global hands out no lease, so it has no end: leave out --ttl');
    const settings = readSettings(env);
    await withRunningDaemon(settings, async (daemon) => {
      if (!narrowing) await daemon.ask('GET', `/api/sessions/${segmentOf(profile)}`);
      if (values.global) {
        const chosen = values.shell === undefined ? undefined : shell;
        await printGlobal({
          url: daemon.url,
          profile,
          region,
          shell: chosen,
          settings,
          out: { stdout, stderr },
        });
        return;
      }
      const grant = await daemon.ask<Grant>('POST', '/api/leases', { profile, narrowing, ttl });
      if (narrowing) stderr.write(openBeside(profile, settings));
      const variables = containerVariables(daemon.url, grant);
      await printVariables({ variables, profile, region, shell, settings, out: { stdout, stderr } });
    });
    return 0;
  },
};
