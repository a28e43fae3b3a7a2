import { readFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { Environment } from './paths.js';
import { filled, type RunTool, type Service, type ServiceManager } from './service-manager.js';
import { CANNOT_SERVE } from './service-notify.js';

const SOCKET = 'credd.socket';
const SERVICE = 'credd.service';
const PASSPHRASE = 'CREDD_STORE_PASSPHRASE_FILE';
const SYSTEMCTL = ['systemctl', '--user'];

/** The user manager of systemd(1). The socket is its own, so requests queue while credd starts or restarts. */
export function systemdManager(options: {
  env: Environment;
  home: string;
  /** Where the templates lie. */
  templates: string;
  run: RunTool;
}): ServiceManager {
  const { env, home, templates, run } = options;
  const root =
    env.XDG_CONFIG_HOME && isAbsolute(env.XDG_CONFIG_HOME) ? env.XDG_CONFIG_HOME : join(home, '.config');
  const folder = join(root, 'systemd', 'user');
  const socketPath = join(folder, SOCKET);
  const template = (name: string) => readFile(join(templates, name), 'utf8');

  async function show(unit: string, ...properties: string[]): Promise<Record<string, string>> {
    const text = await run([...SYSTEMCTL, 'show', unit, '--property', properties.join(',')]);
    return Object.fromEntries(text.split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2)));
  }

  return {
    name: 'systemd',
    async files(service) {
      return [
        { path: socketPath, text: filled(await template(SOCKET), { PORT: String(service.port) }) },
        { path: join(folder, SERVICE), text: filled(await template(SERVICE), serviceValues(service)) },
      ];
    },
    async afterWriting(changed) {
      const moved = changed.includes(socketPath);
      return [
        [...SYSTEMCTL, 'daemon-reload'],
        // A socket cannot change under the service that uses it.
        ...(moved ? [[...SYSTEMCTL, 'stop', SOCKET, SERVICE]] : []),
        [...SYSTEMCTL, 'enable', '--now', SOCKET],
        [...SYSTEMCTL, 'try-restart', SERVICE],
      ];
    },
    beforeRemoval: [
      [...SYSTEMCTL, 'disable', SOCKET],
      [...SYSTEMCTL, 'stop', SOCKET, SERVICE],
    ],
    afterRemoval: [
      [...SYSTEMCTL, 'daemon-reload'],
      [...SYSTEMCTL, 'reset-failed', 'credd.s*'],
    ],
    async holds(port) {
      const { ActiveState, Listen = '' } = await show(SOCKET, 'ActiveState', 'Listen');
      return ActiveState === 'active' && Listen.startsWith(`127.0.0.1:${port} `);
    },
    async state() {
      const socket = await show(SOCKET, 'ActiveState', 'SubState', 'Listen', 'Result');
      const service = await show(
        SERVICE,
        'ActiveState',
        'SubState',
        'MainPID',
        'NRestarts',
        'Result',
        'StatusText',
      );
      const up = socket.ActiveState === 'active';
      const running = service.ActiveState === 'active';
      const failing = service.SubState === 'auto-restart';
      const serves = !failing && (!running || !service.StatusText?.startsWith(CANNOT_SERVE));
      const lines = [
        `${SOCKET}: ${socket.ActiveState} (${socket.SubState})${up ? ` on ${socket.Listen?.split(' ')[0]}` : ''}`,
        `${SERVICE}: ${service.ActiveState} (${service.SubState})${
          running ? `, process ${service.MainPID}, ${service.NRestarts} restarts` : ''
        }`,
        running ? (service.StatusText ?? '') : up && !failing ? 'The next request starts it.' : '',
        failing
          ? 'It ends as often as it is started. After an upgrade of Node or credd: credd service install'
          : '',
        service.Result === 'success' ? '' : `Its last end: ${service.Result}. Type: credd service logs`,
      ];
      return { text: lines.filter(Boolean).join('\n'), up: up && serves };
    },
    logs: (follow) => [
      'journalctl',
      '--user',
      '--unit',
      SERVICE,
      ...(follow ? ['--follow'] : ['--no-pager', '--lines', '200']),
    ],
    secretVariables: `systemctl --user edit ${SERVICE} and there [Service] with EnvironmentFile= and a file of mode 0600`,
  };
}

function serviceValues({ node, cli, variables }: Service): Record<string, string> {
  const { [PASSPHRASE]: passphrase, ...rest } = variables;
  const lines = Object.entries(rest).map(([name, value]) => `Environment=${word(`${name}=${value}`)}`);
  if (passphrase) {
    lines.push(`LoadCredential=credd-passphrase:${passphrase.replaceAll('%', '%%')}`);
    lines.push('# Where that file is gone credd starts all the same, and says so.');
    lines.push('SetCredential=credd-passphrase:\\n');
  }
  return { NODE: program(node), CLI: program(cli), MORE: lines.join('\n') };
}

/** systemd.syntax(7): specifiers begin with `%`, and C's escapes are read within quotes. */
function word(text: string): string {
  const escaped = text.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('%', '%%');
  return `"${escaped}"`;
}

/** In a command line `$` begins a variable as well. */
function program(path: string): string {
  const escaped = word(path).replaceAll('$', '$$$$');
  return escaped === `"${path}"` && !/\s/.test(path) ? path : escaped;
}
