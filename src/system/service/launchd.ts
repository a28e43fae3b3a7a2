import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AGENT, agentLogs } from './agent-log.js';
import { filled, type RunTool, type ServiceManager } from './manager.js';

/** As `credd env --global` sets it. */
const ENDPOINT = 'AWS_CONTAINER_CREDENTIALS_FULL_URI';

/** An agent of launchd(8), which starts at login and again whenever it fails. */
export function launchdManager(options: {
  uid: number;
  home: string;
  templates: string;
  run: RunTool;
}): ServiceManager {
  const { uid, home, templates, run } = options;
  const domain = `gui/${uid}`;
  const target = `${domain}/${AGENT}`;
  const path = join(home, 'Library', 'LaunchAgents', `${AGENT}.plist`);
  const { log, before } = agentLogs(home);
  const loaded = () =>
    run(['launchctl', 'print', target]).then(
      (text) => text,
      () => undefined,
    );

  return {
    name: 'launchd',
    async files({ node, cli, port, variables }) {
      const entries = Object.entries({ ...variables, CREDD_PORT: String(port) }).map(
        ([name, value]) => `    <key>${xml(name)}</key>\n    <string>${xml(value)}</string>`,
      );
      const values = {
        NODE: xml(node),
        CLI: xml(cli),
        LOG: xml(log),
        ENVIRONMENT: entries.join('\n').trim(),
      };
      return [{ path, text: filled(await readFile(join(templates, `${AGENT}.plist`), 'utf8'), values) }];
    },
    variables: agentVariables,
    async afterWriting(changed) {
      const running = (await loaded()) !== undefined;
      if (running && changed.length === 0) return [['launchctl', 'kickstart', '-k', target]];
      return [
        ...(running ? [['launchctl', 'bootout', target]] : []),
        ['launchctl', 'enable', target],
        ['launchctl', 'bootstrap', domain, path],
      ];
    },
    beforeRemoval: [['launchctl', 'bootout', target]],
    afterRemoval: [],
    async holds(port) {
      const installed = agentVariables(await readFile(path, 'utf8').catch(() => ''));
      return installed.CREDD_PORT === String(port) && (await loaded()) !== undefined;
    },
    async state() {
      const text = await loaded();
      if (text === undefined) return { text: `${AGENT}: not loaded`, up: false };
      const [, state = 'unknown'] = /^\s*state = (.*)$/m.exec(text) ?? [];
      const [, pid] = /^\s*pid = (\d+)$/m.exec(text) ?? [];
      return { text: `${AGENT}: ${state}${pid ? `, process ${pid}` : ''}`, up: state === 'running' };
    },
    logs: (follow) => ['tail', '-n', '200', ...(follow ? ['-F'] : []), log],
    ownFiles: [log, before],
    async remains() {
      const uri = await run(['launchctl', 'getenv', ENDPOINT]).catch(() => '');
      return uri.startsWith('http://127.0.0.1:')
        ? [
            `${ENDPOINT} still sends the programs of your desktop to credd. Type: launchctl unsetenv ${ENDPOINT}`,
          ]
        : [];
    },
    secretVariables: 'launchctl setenv NAME VALUE, at each login',
  };
}

function xml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** What the text of an agent that was installed gives to the service. */
function agentVariables(text: string): Record<string, string> {
  const [, dict = ''] = /<key>EnvironmentVariables<\/key>\s*<dict>(.*?)<\/dict>/s.exec(text) ?? [];
  const entries = dict.matchAll(/<key>(.*?)<\/key>\s*<string>(.*?)<\/string>/gs);
  return Object.fromEntries([...entries].map(([, name = '', value = '']) => [plain(name), plain(value)]));
}

function plain(xml: string): string {
  return xml.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}
