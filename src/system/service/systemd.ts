import { readFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { Environment } from '../paths.js';
import { filled, type RunTool, type ServiceManager } from './manager.js';
import { CANNOT_SERVE } from './notify.js';
import { systemdRemains } from './systemd-remains.js';
import { unitValues, unitVariables } from './systemd-unit.js';

const SOCKET = 'credd.socket';
const SERVICE = 'credd.service';
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
  const template = (name: string) => readFile(join(templates, name), 'utf8');

  async function show(unit: string, ...properties: string[]): Promise<Record<string, string>> {
    const text = await run([...SYSTEMCTL, 'show', unit, '--property', properties.join(',')]);
    return Object.fromEntries(text.split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2)));
  }

  /** `$XDG_CONFIG_HOME` of the manager, which need not be that of this shell. */
  async function configRoot(): Promise<string> {
    const paths = await run([...SYSTEMCTL, 'show', '--property', 'UnitPath', '--value']).catch(() => '');
    const [, root] = /^(\/.*?)\/systemd\/user\.control( |$)/m.exec(paths) ?? [];
    const own = env.XDG_CONFIG_HOME;
    return root?.replace(/\\(.)/g, '$1') ?? (own && isAbsolute(own) ? own : join(home, '.config'));
  }

  return {
    name: 'systemd',
    async files(service) {
      const folder = join(await configRoot(), 'systemd', 'user');
      return [
        { path: join(folder, SOCKET), text: filled(await template(SOCKET), { PORT: String(service.port) }) },
        { path: join(folder, SERVICE), text: filled(await template(SERVICE), unitValues(service)) },
      ];
    },
    variables: unitVariables,
    async afterWriting(changed) {
      const moved = changed.some((path) => path.endsWith(`/${SOCKET}`));
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
        up ? '' : 'Nothing listens. To have it again, type: credd service install',
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
    ownFiles: [],
    remains: async () => systemdRemains(await configRoot()),
    secretVariables: `systemctl --user edit ${SERVICE} and there [Service] with EnvironmentFile= and a file of mode 0600`,
  };
}
