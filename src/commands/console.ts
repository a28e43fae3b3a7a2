import { segmentOf } from '../http/segment.js';
import { openBrowser } from '../system/desktop.js';
import { type Command, text, UsageError } from './command.js';
import { withDaemonOf } from './connect.js';
import { unlessInterrupted } from './interrupt.js';
import { orCode } from './login-mfa.js';
import { oneTimePage } from './one-time-page.js';

const NOT_FETCHED = 'Given up before the browser came: the address that it was given leads nowhere now.';

export const command: Command = {
  usage: 'console PROFILE [--service SERVICE] [--print]',
  help: `Opens the AWS console in the browser, signed in as the role session of PROFILE.
Where no browser can open, the URL is printed: whoever has it is signed in, for 15 minutes.`,
  takes: [1, 1],
  options: {
    service: { type: 'string', value: 'SERVICE', help: 'where in the console, as s3 or ec2' },
    print: { type: 'boolean', help: 'print the URL, and open nothing' },
  },
  async run({ positionals: [profile = ''], values, env, stdout, stderr }) {
    const service = text(values.service);
    if (service !== undefined && !/^[a-z\d-]+(\/[a-z\d-]+)*$/.test(service))
      throw new UsageError(
        `"${service}" is not a service: write it as in the console's addresses, s3 or ec2`,
      );
    const url = await withDaemonOf(env, async (daemon) => {
      const asked = `/api/console/${segmentOf(profile)}`;
      const take = () => daemon.ask<{ url: string }>('POST', asked, { service });
      const given = orCode(daemon, profile, stderr, take);
      return (await unlessInterrupted(given, async () => 'Given up. No console was opened.')).url;
    });
    if (values.print) {
      stdout.write(`${url}\n`);
      return 0;
    }
    const page = await oneTimePage(url);
    const opened = async () => (await openBrowser(page.url, env)) && (await page.fetched);
    try {
      if (await unlessInterrupted(opened(), async () => NOT_FETCHED)) {
        stderr.write(`The console opens in the browser as "${profile}".\n`);
      } else {
        stderr.write(
          'No browser came for it. Open this URL, which is as good as a password, within 15 minutes:\n',
        );
        stdout.write(`${url}\n`);
      }
    } finally {
      page.close();
    }
    return 0;
  },
};
