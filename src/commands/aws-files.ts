import { readSharedConfig, type SharedConfig } from '../aws/shared-config.js';
import { CredentialError } from '../errors.js';
import type { Paths } from '../system/paths.js';

/** What the person's AWS files say now. */
export function readAwsFiles({ awsConfig, awsCredentials, home }: Paths): Promise<SharedConfig> {
  return readSharedConfig({ config: awsConfig, credentials: awsCredentials, home });
}

/** @throws CredentialError `InvalidConfigFile` (400) where something is to be added to a file that is broken */
export function refuseBrokenConfig({ problems, files }: SharedConfig): void {
  const broken = problems.find(({ severity, path }) => severity === 'error' && path === files.config.path);
  if (!broken) return;
  throw new CredentialError(
    'InvalidConfigFile',
    400,
    `Nothing was written: ${broken.where}: ${broken.message}`,
  );
}
