/** A process in a spoilt environment that makes one call with our clients, and tells its parent what came of it. */
import { callerIdentity } from '../../src/aws/caller-identity.js';
import { createClients } from '../../src/aws/clients.js';

const credentials = { accessKeyId: 'AKIAADA', secretAccessKey: 'ada-secret' };
const clients = createClients({});
const site = { region: 'eu-west-1', endpoint: process.argv[2] ?? '' };
const { Arn } = await callerIdentity({ site, profile: 'p', credentials, clients });

/** Where a call goes for which no endpoint is set; it is not made. */
const sts = await clients.sts({ region: 'eu-west-1' }, credentials);
let unconfigured = '';
sts.middlewareStack.add(
  () => async (args) => {
    unconfigured = (args.request as { hostname: string }).hostname;
    throw new Error('not to be sent');
  },
  { step: 'finalizeRequest', priority: 'low' },
);
const { GetCallerIdentityCommand } = await import('@aws-sdk/client-sts');
await sts.send(new GetCallerIdentityCommand({})).catch((error) => {
  if (!unconfigured) unconfigured = String(error);
});
process.send?.({ arn: Arn, unconfigured });
process.disconnect();
clients.close();
