import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const needsBotocore =
  spawnSync('python3', ['-c', 'import botocore']).status !== 0 && 'needs botocore: pip install boto3';

export interface BotocoreCase {
  config?: string;
  credentials?: string;
  profile: string;
}

export interface BotocoreAnswer {
  error?: string;
  steps?: ({ kind: string } & Record<string, unknown>)[];
}

/** How the real botocore resolves each of these. */
export function askBotocore(cases: readonly BotocoreCase[]): BotocoreAnswer[] {
  const script = fileURLToPath(new URL('botocore-chain.py', import.meta.url));
  const { stdout, stderr } = spawnSync('python3', [script], {
    input: JSON.stringify(cases),
    encoding: 'utf8',
    env: {
      PATH: process.env.PATH,
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_ACCESS_KEY_ID: 'AKIAENVIRONMENT',
      AWS_SECRET_ACCESS_KEY: 'secret',
    },
  });
  if (!stdout) throw new Error(stderr);
  return JSON.parse(stdout);
}
