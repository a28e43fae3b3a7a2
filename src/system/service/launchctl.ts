import type { RunTool } from './manager.js';

const INTERVAL = 250;
/** Beyond the `ExitTimeOut` of the agent. */
const GOING_AWAY = 65_000;
const STARTING = 5_000;

/**
 * Runs `launchctl` so that one command may follow another: `bootout` returns before the job has ended (or says "36:
 * Operation now in progress"), and until then, and for a moment after, `bootstrap` fails with "5: Input/output error".
 */
export function patientLaunchctl(run: RunTool, pause: (milliseconds: number) => Promise<unknown>): RunTool {
  async function ended(target: string): Promise<boolean> {
    return run(['launchctl', 'print', target]).then(
      () => false,
      () => true,
    );
  }

  async function bootout(command: readonly string[]): Promise<string> {
    const said = await run(command).catch((error: Error) => {
      if (/\b36: /.test(error.message)) return '';
      throw error;
    });
    for (let waited = 0; waited < GOING_AWAY && !(await ended(command[2] ?? '')); waited += INTERVAL)
      await pause(INTERVAL);
    return said;
  }

  async function bootstrap(command: readonly string[]): Promise<string> {
    for (let waited = 0; ; waited += INTERVAL) {
      try {
        return await run(command);
      } catch (error) {
        if (waited >= STARTING || !/\b5: /.test((error as Error).message)) throw error;
        await pause(INTERVAL);
      }
    }
  }

  return (command) => {
    if (command[1] === 'bootout') return bootout(command);
    return command[1] === 'bootstrap' ? bootstrap(command) : run(command);
  };
}
